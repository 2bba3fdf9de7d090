// SPDX-License-Identifier: MIT
// An exit that was slow, decoded: what every output has of it.
import type { ExitDetail } from "../details";
import type { Vm } from "../host/vm";

/** An exit that was slow. All values can be written as JSON. */
export interface SlowExit {
  readonly vm: Vm;
  /** As KVM numbers them; undefined where the kernel doesn't tell. */
  readonly vcpu: number | undefined;
  readonly tid: number;
  readonly isa: string;
  /** As its instruction set's manual numbers it. */
  readonly reason: number;
  /** Undefined if the reason has none. */
  readonly name: string | undefined;
  readonly level: 1 | 2;
  /** The handling time. */
  readonly ns: number;
  /** When it ended. */
  readonly end: Date;
  /** With details: the guest's instruction pointer, hexadecimal, 0x0 where it can't be read. */
  readonly rip: string | undefined;
  /** With details: what the exit was about, as values; undefined where there is nothing to tell. */
  readonly detail: ExitDetail | undefined;
  /** With details: the same in words, `out port 0x3f8, 1 byte`, or "". */
  readonly details: string | undefined;
}
