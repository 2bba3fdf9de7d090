// SPDX-License-Identifier: MIT
// Losses within a recording: each gap is marked where it is, and no exit that it may concern has a time.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { encodeRings } from "../../src/native/trace";
import { firstRecord, gapRecords } from "../../src/trace/encode";
import { ANY_CPU, EVENT } from "../../src/trace/events";
import { KIND } from "../../src/trace/kinds";
import { RecordReader } from "../../src/trace/reader";
import { type Turn, Turns } from "../../src/trace/turns";

/** An event of struct trace_event in bpf/contract/trace.h, before which its CPU has lost so many. */
function event(kind: number, time: number, tid: number, lost: number, ...data: number[]): Uint32Array {
  const words = new Uint32Array(16);
  words.set([time, 0, 100, tid, kind, ...data]);
  words[14] = lost;
  return words;
}

const CPUID = 0x72;
const exit = (time: number, tid: number, lost = 0) => event(KIND.exit, time, tid, lost, CPUID, 0, 0, 2);
const entry = (time: number, tid: number, lost = 0) => event(KIND.entry, time, tid, lost, 0);

const joined = (parts: readonly Uint32Array[]) => Uint32Array.from(parts.flatMap((part) => [...part]));

/** Event, time and data words of each record. */
function records(recording: Uint32Array): number[][] {
  const reader = new RecordReader({ name: "r", knows: () => true });
  reader.feed(new Uint8Array(recording.buffer, recording.byteOffset, recording.byteLength));
  reader.end();
  const found: number[][] = [];
  while (reader.next()) {
    const { event: id, timeLow, count } = reader.record;
    found.push([id, timeLow, ...Array.from({ length: count }, (_, index) => reader.record.word(index))]);
  }
  return found;
}

function turnsOf(recording: Uint32Array): { turns: Turn[]; inGaps: number } {
  const turns: Turn[] = [];
  const pairing = new Turns(2, (turn) => turns.push(turn));
  const reader = new RecordReader({ name: "r", knows: () => true });
  const all = joined([firstRecord(1, new Date(0)), recording]);
  reader.feed(new Uint8Array(all.buffer));
  reader.end();
  while (reader.next()) pairing.record(reader.record);
  pairing.end();
  return { turns, inGaps: pairing.summary.inGaps };
}

const timesOf = (turns: readonly Turn[]) =>
  turns.map(({ exited, ended }) => (ended === undefined ? undefined : ended - exited));

test("a gap is marked after the last event before it and before the first one after it, with its CPU and its number", () => {
  const rings = [joined([entry(10, 1), exit(20, 1), entry(50, 1, 7)]), joined([entry(30, 2), exit(60, 2)])];
  assert.deepEqual(
    records(encodeRings(rings, 0)).filter(([id]) => id !== EVENT.entry && id !== EVENT.exit),
    [
      [EVENT.gap, 20, 0],
      [EVENT.gapEnd, 50, 0, 7, 0],
    ],
  );
  // What came before any event, and after the last one.
  const edges = records(encodeRings([joined([exit(20, 1, 3)]), joined([exit(40, 2)])], 0, [3, 5]));
  assert.deepEqual(
    edges.map(([id, , ...words]) => [id, ...words.slice(0, 2)]),
    [
      [EVENT.gap, 0],
      [EVENT.gapEnd, 0, 3],
      [EVENT.exit, CPUID, 0],
      [EVENT.exit, CPUID, 0],
      [EVENT.gap, 1],
      [EVENT.gapEnd, 1, 5],
    ],
  );
});

test("what is open at any time of a gap is unfinished, on other CPUs too; what lies before or after it has its time", () => {
  const rings = [
    joined([exit(10, 1), entry(15, 1), exit(20, 1), entry(52, 1, 4), exit(60, 1, 4), entry(65, 1, 4)]),
    joined([
      exit(18, 2),
      entry(30, 2),
      exit(32, 2),
      entry(35, 2),
      exit(40, 2),
      entry(55, 2),
      exit(70, 2),
      entry(78, 2),
    ]),
  ];
  const { turns, inGaps } = turnsOf(encodeRings(rings, 0));
  assert.equal(inGaps, 4);
  assert.deepEqual(
    turns.map(({ thread, exited }) => [thread.tid, exited]).map(([tid = 0, at = 0]) => `${tid} ${at}`),
    ["1 0", "2 8", "2 22", "1 10", "2 30", "1 50", "2 60"],
  );
  assert.deepEqual(timesOf(turns), [5, undefined, undefined, undefined, undefined, 5, 8]);
  // The time in the guest before an exit isn't known across a gap either.
  assert.equal(turns.find(({ exited }) => exited === 30)?.entered, undefined);
});

test("a loss whose place is unknown leaves no exit open", () => {
  const recording = joined([
    encodeRings([joined([exit(10, 1)])], 0),
    gapRecords(2 ** 33 + 1),
    encodeRings([joined([entry(30, 1), exit(40, 1), entry(44, 1)])], 0),
  ]);
  const { turns, inGaps } = turnsOf(recording);
  assert.deepEqual(timesOf(turns), [undefined, 4]);
  assert.equal(inGaps, 2 ** 33 + 1);
  assert.deepEqual(records(gapRecords(5))[1], [EVENT.gapEnd, 0, ANY_CPU, 5, 0]);
});

test("whatever is lost while vCPUs move between CPUs, each time is one that was", () => {
  const step = fc.record({
    thread: fc.nat(2),
    cpu: fc.nat(2),
    lost: fc.boolean(),
    wait: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const rings: Uint32Array[][] = [[], [], []];
      const lost = [0, 0, 0];
      const inside = [true, true, true];
      const exits: number[] = [0, 0, 0];
      const truth = new Set<string>();
      let time = 100;
      let counted = 0;
      for (const { thread, cpu, lost: loses, wait } of steps) {
        time += wait;
        const leaves = inside[thread] === true;
        inside[thread] = !leaves;
        if (leaves) exits[thread] = time;
        else truth.add(`${thread} ${exits[thread]} ${time}`);
        if (loses) lost[cpu] = (lost[cpu] ?? 0) + 1;
        else rings[cpu]?.push((leaves ? exit : entry)(time, thread + 1, lost[cpu]));
        if (leaves && !loses) counted++;
      }
      const first = Math.min(...rings.flatMap((ring) => ring.map((words) => words[0] ?? 0)));
      const { turns, inGaps } = turnsOf(encodeRings(rings.map(joined), 0, lost));
      assert.equal(turns.length, counted);
      assert.equal(
        inGaps,
        lost.reduce((sum, each) => sum + each),
      );
      for (const { thread, exited, ended } of turns)
        if (ended !== undefined)
          assert.ok(
            truth.has(`${thread.tid - 1} ${exited + first} ${ended + first}`),
            `${exited} to ${ended}`,
          );
    }),
    { numRuns: 2000 },
  );
});
