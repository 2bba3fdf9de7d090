// From the ring buffer's events to a recording, and from a recording to turns.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import fc from "fast-check";
import { parseDefinitions } from "../../src/trace/definitions";
import { EVENT_HEADER_WORDS, Encoder } from "../../src/trace/encode";
import { EVENT, THREAD_WORD } from "../../src/trace/events";
import { wholeRecords } from "../../src/trace/fit";
import { KIND, KINDS, wordOffset } from "../../src/trace/kinds";
import { parsePercent } from "../../src/trace/percent";
import { RecordReader } from "../../src/trace/reader";
import { type Turn, Turns } from "../../src/trace/turns";
import { Window } from "../../src/trace/window";
import { PROJECT } from "../tools";

/** An event as bpf/trace.h lays it out. */
function event(kind: number, time: number, tid: number, ...data: number[]): Uint32Array {
  return Uint32Array.from([time >>> 0, Math.floor(time / 2 ** 32), 100, tid, kind, data.length, ...data]);
}

function bytesOf(events: readonly Uint32Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(events.map((one) => new Uint8Array(one.buffer))));
}

const MS = 1e6;

test("events come out in the order of time, none is lost, whatever the batches", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(90 * MS), { maxLength: 20 })), (batches) => {
      const found: number[] = [];
      const window = new Window((words, at) => found.push((words[at] ?? 0) + (words[at + 1] ?? 0) * 2 ** 32));
      for (const times of batches)
        window.add(
          bytesOf(times.map((time, i) => event(KIND.entry, time, 1, ...Array<number>(i % 3).fill(7)))),
        );
      window.flush();
      assert.deepEqual(
        found,
        batches.flat().sort((a, b) => a - b),
      );
    }),
  );
});

test("what is old enough is given out at once", () => {
  const found: number[] = [];
  const window = new Window((words, at) => found.push(words[at] ?? 0));
  window.add(bytesOf([event(KIND.entry, 5, 1), event(KIND.entry, 3, 2), event(KIND.entry, 200 * MS, 1)]));
  assert.deepEqual(found, [3, 5]);
});

/** Encodes events and reads them back as turns. */
function turnsOf(events: readonly Uint32Array[]): { turns: Turn[]; lost: number | undefined } {
  const encoder = new Encoder(false);
  encoder.begin(1, new Date(0));
  for (const one of events) encoder.event(one, 0);
  encoder.end(1, 2 ** 33 + 5);
  const reader = new RecordReader({ name: "r", knows: () => true });
  const words = encoder.take();
  reader.feed(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
  const turns: Turn[] = [];
  const pairing = new Turns(1, (turn) => turns.push(turn));
  while (reader.next()) pairing.record(reader.record);
  pairing.end();
  return { turns, lost: pairing.summary.lost };
}

const exit = (time: number, tid: number, code: number) =>
  event(KIND.exit, time, tid, code, 0x1000, 0, 2, 0, 0, 0, 0);
const entry = (time: number, tid: number) => event(KIND.entry, time, tid, 0);

test("exits pair with entries of their thread, though two VMs of a process have a vCPU 0 each", () => {
  const { turns, lost } = turnsOf([
    entry(10, 1),
    exit(20, 1, 0x7b),
    exit(25, 2, 0x72),
    event(KIND.nestedExit, 26, 2),
    event(KIND.port, 27, 1, 1, 0x3f8, 1, 65),
    event(KIND.userspaceExit, 30, 1, 2, 0),
    entry(45, 2),
    entry(70, 1),
    exit(80, 2, 0x78),
  ]);
  assert.equal(lost, 2 ** 33 + 5);
  assert.deepEqual(
    turns.map((turn) => [
      turn.thread.tid,
      turn.code,
      turn.level,
      turn.entered,
      turn.exited,
      turn.returned,
      turn.ended,
    ]),
    [
      [2, 0x72, 2, undefined, 15, undefined, 35],
      [1, 0x7b, 1, 0, 10, 20, 60],
      [2, 0x78, 1, 35, 70, undefined, undefined],
    ],
  );
  assert.deepEqual(turns[1]?.details, [
    { event: EVENT.portWrite, time: 17, words: [0x3f8, 1, 65] },
    { event: EVENT.userspaceExit, time: 20, words: [2, 0] },
  ]);
});

test("any bytes are turns, and no crash", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      const reader = new RecordReader({ name: "r", knows: () => true });
      reader.feed(bytes);
      reader.end();
      const pairing = new Turns(1, () => undefined);
      while (reader.next()) pairing.record(reader.record);
      pairing.end();
    }),
  );
});

test("a stream is cut between records", () => {
  const encoder = new Encoder(false);
  for (let i = 0; i < 5; i++) encoder.event(exit(i, 1, 0x72), 0);
  const words = encoder.take();
  assert.equal(words.length, 50);
  assert.deepEqual(
    [0, 9, 10, 49, 50, 99].map((limit) => wholeRecords(words, limit)),
    [0, 0, 10, 40, 50, 50],
  );
});

test("offsets come from tracefs's format files, by the field's names over the years", () => {
  const format = [
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;",
    "\tfield:unsigned int irq;\toffset:8;\tsize:4;\tsigned:0;",
    "\tfield:u64 fault_address;\toffset:16;\tsize:8;\tsigned:0;",
    "\tfield:bool soft;\toffset:12;\tsize:1;\tsigned:0;",
  ].join("\n");
  assert.equal(wordOffset({ fields: ["vector", "irq"] }, format), 8);
  assert.equal(wordOffset({ fields: ["fault_address"] }, format), 16);
  assert.equal(wordOffset({ fields: ["fault_address"], high: true }, format), 20);
  assert.equal(wordOffset({ fields: ["irq"], high: true }, format), 0);
  assert.equal(wordOffset({ fields: ["soft"] }, format), 0);
  assert.equal(wordOffset({ fields: ["address"] }, format), 0);
});

test("kinds stand in the order of bpf/trace.h, and fit its words", () => {
  const header = readFileSync(join(PROJECT, "bpf", "trace.h"), "utf8");
  const names = /enum trace_kind \{([^}]*)\}/.exec(header)?.[1]?.match(/TRACE_\w+/g);
  assert.deepEqual(names?.length, KINDS.length + 1);
  assert.equal(Object.keys(KIND).length, KINDS.length);
  assert.equal(/TRACE_WORDS (\d+)/.exec(header)?.[1], "8");
  for (const kind of KINDS) assert.ok(kind.words.length <= 8);
  assert.equal(EVENT_HEADER_WORDS, 6);
});

test("our formats file has a sound rule for every event", () => {
  const rules = parseDefinitions(readFileSync(join(PROJECT, "formats"), "latin1"), "formats");
  for (const id of Object.values(EVENT))
    assert.equal(parsePercent(rules.get(id)?.text ?? "%").kind, "segments");
  for (const id of Object.values(EVENT))
    assert.ok(THREAD_WORD.has(id) || [EVENT.cpuid, EVENT.recording, EVENT.end].some((other) => other === id));
});
