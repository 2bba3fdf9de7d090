// SPDX-License-Identifier: MIT
// What the reason of a recorded exit is called, from the guest or from KVM to user space.
import { isaName, reasonLabel, reasonName, reasonNumber } from "../reasons";
import { USERSPACE_REASONS } from "../reasons/userspace";
import { EVENT } from "./events";
import type { TraceRecord } from "./reader";
import { namePart, uuidOf } from "./vm";

/** Data words of an exit in a recording of ours: code, RIP (2), isa, thread. kvmtrace wrote the first two or three. */
export const EXIT_WORDS = { code: 0, ripLow: 1, ripHigh: 2, isa: 3, thread: 4 } as const;

/** The name of a reason given as the kernel's 32 bits, or else its number. */
export function codeName(isa: number, code: number): string {
  const name = isaName(isa);
  const number = reasonNumber(name, code);
  return reasonName(name, number) ?? reasonLabel(number);
}

/** The KVM_EXIT_ reason with its name. */
export function userspaceName(reason: number): string {
  return `KVM_EXIT_${USERSPACE_REASONS.get(reason) ?? reason}`;
}

/**
 * Why KVM returned to user space, as the kernel prints those with names (kvm_userspace_exit in
 * include/trace/events/kvm.h): the reason means nothing beside an error.
 */
function userspaceExit(reason: number, errno: number): string {
  const EINTR = 4;
  if (errno >= 0) return `${userspaceName(reason)} (${reason})`;
  return `${errno === -EINTR ? "restart" : "error"} (${-errno})`;
}

/** The reason of the exit that a record is; what a record tells of a VM; of a record that is none, or tells no instruction set, its code. */
export function exitName(record: TraceRecord): string {
  if (record.event === EVENT.userspaceExit) return userspaceExit(record.word(0), record.word(1) | 0);
  if (record.event === EVENT.vmName) return namePart(record);
  if (record.event === EVENT.vmUuid) return uuidOf(record);
  const isa = record.word(EXIT_WORDS.isa);
  if (record.event === EVENT.exit && isa !== 0) return codeName(isa, record.word(EXIT_WORDS.code));
  return reasonLabel(record.word(EXIT_WORDS.code));
}
