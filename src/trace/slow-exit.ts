// SPDX-License-Identifier: MIT
// Makes of a recorded turn what the live tools have of a slow exit.
import { type ExitDetail, detailText, exitDetail } from "../details";
import { hex } from "../details/bits";
import { canonicalNumber, hasSubleaves } from "../details/cpuid";
import { eptViolation, x86Fault } from "../details/memory";
import { msrAccess } from "../details/msr";
import type { SlowExit } from "../measure/slow-exit";
import { isaName, reasonName, reasonNumber } from "../reasons";
import { EVENT } from "./events";
import type { TurnEvent, Turn } from "./turns";

/** What an event says about the exit that it belongs to, if its reason has such a detail; undefined if nothing. */
function detailOf(isa: string, reason: number, { event, words }: TurnEvent): ExitDetail | undefined {
  const [first = 0, second = 0, third = 0] = words;
  switch (exitDetail(isa, reason, 0n)?.kind) {
    case "port":
      return event === EVENT.portRead || event === EVENT.portWrite
        ? { kind: "port", write: event === EVENT.portWrite, port: first, bytes: second, string: false }
        : undefined;
    case "msr":
      return event === EVENT.msrRead || event === EVENT.msrWrite
        ? msrAccess(event === EVENT.msrWrite, first)
        : undefined;
    case "cpuid":
      // ECX isn't recorded.
      return event === EVENT.cpuid && !hasSubleaves(first)
        ? { kind: "cpuid", leaf: canonicalNumber(first), subleaf: 0 }
        : undefined;
    case "hypercall":
      return event === EVENT.hypercall ? exitDetail(isa, reason, BigInt(first)) : undefined;
    case "memory": {
      const address = (BigInt(third) << 32n) | BigInt(second);
      const fault = isa === "vmx" ? eptViolation : x86Fault;
      return event === EVENT.pageFault ? fault(address, BigInt(first)) : undefined;
    }
    default:
      return undefined;
  }
}

/** What is known of a turn's exit in addition to its reason. */
function turnDetail(isa: string, reason: number, { events }: Turn): ExitDetail | undefined {
  for (const each of events) {
    const detail = detailOf(isa, reason, each);
    if (detail) return detail;
  }
  return undefined;
}

/** A turn that took so long and ended then, as an exit of the live tools. */
export function slowExitOf(turn: Turn, ns: number, end: Date): SlowExit {
  const { thread, level, code, ripLow, ripHigh } = turn;
  const isa = isaName(turn.isa);
  const reason = reasonNumber(isa, code);
  const detail = turnDetail(isa, reason, turn);
  return {
    vm: thread.vm,
    vcpu: (thread.vcpu | 0) >= 0 ? thread.vcpu : undefined,
    tid: thread.tid,
    isa,
    reason,
    name: reasonName(isa, reason),
    level,
    ns,
    end,
    rip: hex((BigInt(ripHigh) << 32n) | BigInt(ripLow)),
    detail,
    details: detailText(detail),
  };
}
