// SPDX-License-Identifier: MIT
// Files' names for who gets a page: without folders, which aren't theirs, as far as that tells files apart.
import { quoted } from "../../text";

/** The last parts of a path. */
function endOf(path: string, parts: number): string {
  return path.split("/").slice(-parts).join("/");
}

/** The name of a file, with as many folders as it takes to tell it from the others. */
export function shortName(path: string, all: ReadonlySet<string>): string {
  const others = [...all].filter((other) => other !== path);
  const most = path.split("/").length;
  let parts = 1;
  while (parts < most && others.some((other) => endOf(other, parts) === endOf(path, parts))) parts++;
  return quoted(endOf(path, parts));
}
