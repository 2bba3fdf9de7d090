// SPDX-License-Identifier: MIT
// Makes of a recorded turn what the live tools have of a slow exit.
import { type ExitDetail, detailText } from "../details";
import { hex } from "../details/bits";
import { x86Fault } from "../details/memory";
import { msrAccess } from "../details/msr";
import type { SlowExit } from "../measure/slow-exit";
import { isaName, reasonName, reasonNumber } from "../reasons";
import { EVENT } from "./events";
import type { TurnEvent, Turn } from "./turns";

/** What an event says about the exit that it belongs to; undefined if nothing. */
function detailOf({ event, words: [first = 0, second = 0, third = 0] }: TurnEvent): ExitDetail | undefined {
  switch (event) {
    case EVENT.portRead:
    case EVENT.portWrite:
      return { kind: "port", write: event === EVENT.portWrite, port: first, bytes: second, string: false };
    case EVENT.msrRead:
    case EVENT.msrWrite:
      return msrAccess(event === EVENT.msrWrite, first);
    case EVENT.pageFault:
      return x86Fault((BigInt(third) << 32n) | BigInt(second), BigInt(first));
    default:
      return undefined;
  }
}

/** What is known of a turn's exit in addition to its reason. */
function turnDetail({ events }: Turn): ExitDetail | undefined {
  for (const each of events) {
    const detail = detailOf(each);
    if (detail) return detail;
  }
  return undefined;
}

/** A turn that took so long and ended then, as an exit of the live tools. */
export function slowExitOf(turn: Turn, ns: number, end: Date): SlowExit {
  const { thread, level, code, ripLow, ripHigh } = turn;
  const isa = isaName(turn.isa);
  const reason = reasonNumber(isa, code);
  const detail = turnDetail(turn);
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
