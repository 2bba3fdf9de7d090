// Makes of a recorded turn what the live tools print of a slow exit.
import type { SlowExit } from "../native/vmexit";
import { fault, msr, port } from "../details/exit";
import { EVENT } from "./events";
import type { Detail, Turn } from "./turns";

/** What an event tells of the exit that it belongs to, in the words of the live tools; undefined if nothing. */
function detailText({ event, words: [first = 0, second = 0, third = 0] }: Detail): string | undefined {
  switch (event) {
    case EVENT.portRead:
    case EVENT.portWrite:
      return port(event === EVENT.portRead, first, second, false);
    case EVENT.msrRead:
    case EVENT.msrWrite:
      return msr(event === EVENT.msrWrite, first);
    case EVENT.pageFault:
      return fault((BigInt(third) << 32n) | BigInt(second), BigInt(first));
    default:
      return undefined;
  }
}

/** What is known of a turn's exit besides its reason, "" if nothing is. */
export function turnDetails({ details }: Turn): string {
  for (const detail of details) {
    const text = detailText(detail);
    if (text !== undefined) return text;
  }
  return "";
}

/** A turn that took so long as an exit of the live tools. */
export function slowExitOf({ thread, isa, level, code, ripLow, ripHigh }: Turn, ns: number): SlowExit {
  const who = {
    tgid: thread.pid,
    tid: thread.tid,
    vcpuId: thread.vcpu | 0,
    comm: "",
    startNs: 0,
    entryNs: 0,
  };
  const rip = (BigInt(ripHigh) << 32n) | BigInt(ripLow);
  return { isa, level, reason: code, ns, ...who, rip, info1: 0n, info2: 0n };
}
