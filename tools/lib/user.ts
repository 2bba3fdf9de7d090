// SPDX-License-Identifier: MIT
// Users by name, which a program started by root becomes.
import { UsageError } from "../../src/errors";
import { readText } from "../../src/host/read";

/** A user and its group, by number. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** The user that is taken if it is there. */
export const OWN_USER = "kvm-vmexit";
/** The kernel's overflow ids (/proc/sys/kernel/overflowuid), which own nothing: Debian's nobody. */
const NOBODY: User = { uid: 65_534, gid: 65_534 };

const MAX_PASSWD = 2 ** 22;
const MAX_ID = 2 ** 32 - 2;

function fromPasswd(name: string, root: string): User | undefined {
  const line = readText(`${root}/etc/passwd`, MAX_PASSWD)
    .split("\n")
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  return uid && gid && /^\d+$/.test(uid) && /^\d+$/.test(gid)
    ? { uid: Number(uid), gid: Number(gid) }
    : undefined;
}

/**
 * A user by name, as `UID:GID`, or, where none is given, kvm-vmexit or else nobody.
 * @param root folder that takes the place of /
 * @throws UsageError if there is no such user, or it is root
 */
export function userOf(text: string | undefined, root = ""): User {
  if (text === undefined) return fromPasswd(OWN_USER, root) ?? NOBODY;
  const [, uid, gid] = /^(\d{1,10}):(\d{1,10})$/.exec(text) ?? [];
  const user =
    uid !== undefined && gid !== undefined
      ? { uid: Number(uid), gid: Number(gid) }
      : /^[^:\n]+$/.test(text)
        ? fromPasswd(text, root)
        : undefined;
  if (!user || user.uid > MAX_ID || user.gid > MAX_ID)
    throw new UsageError(`--user takes a user of /etc/passwd, or UID:GID, not ${JSON.stringify(text)}`);
  if (user.uid === 0) throw new UsageError("--user can't be root");
  return user;
}
