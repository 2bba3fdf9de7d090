// SPDX-License-Identifier: MIT
// Of exits to the VMM: what happens to the whole VM.
import { bits } from "./bits";

/** The guest asks for something, or something ends the VM. */
export interface SystemEvent {
  readonly kind: "event";
  /** KVM_SYSTEM_EVENT_* of include/uapi/linux/kvm.h. */
  readonly event: number;
}

const NAMES: readonly (string | undefined)[] = [
  undefined,
  "SHUTDOWN",
  "RESET",
  "CRASH",
  "WAKEUP",
  "SUSPEND",
  "SEV_TERM",
  "TDX_FATAL",
];

/** @param raw bpf/contract/detail.h: its number */
export function systemEventOf(raw: bigint): SystemEvent {
  return { kind: "event", event: bits(raw, 0, 32) };
}

/** `RESET (2)`; without a name `event 99`. */
export function systemEventText({ event }: SystemEvent): string {
  const name = NAMES[event];
  return name === undefined ? `event ${event}` : `${name} (${event})`;
}
