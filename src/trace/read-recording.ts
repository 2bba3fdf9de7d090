// SPDX-License-Identifier: MIT
// A recording as the reading that the live tools would have had.
import { checkOptions } from "../check";
import { ISA } from "../contract";
import { UsageError } from "../errors";
import type { Reading } from "../measure/reading";
import type { Isa } from "../reasons";
import { consume } from "./consume";
import { EVENT } from "./events";
import type { Damage } from "./reader";
import { Tally } from "./tally";
import { Turns } from "./turns";

const KNOWN = new Set<number>(Object.values(EVENT));
/** kvmtrace's categories: later versions had more events in them. */
const KVMTRACE_CATEGORIES = new Set([1, 2]);

/** Whether an event id is one of a recording's. */
export function isEvent(event: number): boolean {
  return KNOWN.has(event) || KVMTRACE_CATEGORIES.has(event >>> 16);
}

/** What recordings don't tell that kvmtrace made. */
export interface RecordingOptions {
  /** Ticks of its clock in a microsecond. */
  readonly megahertz?: number;
  /** The instruction set of the exits: "vmx" unless given. */
  readonly isa?: Isa;
}

/**
 * Counts and times the exits of a recording that `kvm-trace record` or kvmtrace wrote.
 * @param chunks its bytes, such as a file's stream
 * @returns `lost` is undefined if the recording has no end, or a part of it can't be read: that part is stepped over
 * @throws UsageError at bytes that are no recording, and where its clock's rate is unknown
 */
export async function readRecording(
  chunks: AsyncIterable<Uint8Array>,
  options: RecordingOptions = {},
): Promise<Reading> {
  checkOptions("readRecording", options, { megahertz: true, isa: true });
  const tally = new Tally();
  const nsPerTick = () => {
    const rate = turns.summary.ticksPerUs || (options.megahertz ?? 0);
    if (!(rate > 0)) throw new UsageError("the recording doesn't tell its clock's rate; give megahertz");
    return 1000 / rate;
  };
  const turns = new Turns(ISA[options.isa ?? "vmx"], (turn) => {
    tally.add(turn, nsPerTick());
  });
  const onDamage = (_: Damage, source: number) => {
    turns.damage(source);
  };
  await consume([{ name: "the recording", chunks }], { knows: isEvent, onDamage }, (record, source) => {
    turns.record(record, source);
  });
  turns.end();
  return tally.reading(turns.summary, turns.summary.ticks === 0 ? 1 : nsPerTick());
}
