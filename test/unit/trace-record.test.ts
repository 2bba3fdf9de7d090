// SPDX-License-Identifier: MIT
// From the rings' events to a recording, and from a recording to turns.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import fc from "fast-check";
import { parseDefinitions } from "../../src/trace/definitions";
import { ISA } from "../../src/contract";
import { encodeRings } from "../../src/native/trace";
import { firstRecord, lastRecord } from "../../src/trace/encode";
import { END_REASON, EVENT, THREAD_WORD, UNKNOWN_VCPU } from "../../src/trace/events";
import { exitName } from "../../src/trace/exit-name";
import { wholeEvents } from "../../src/trace/fit";
import { KIND } from "../../src/trace/kinds";
import { parsePercent } from "../../src/python/percent";
import { RecordReader, type TraceRecord } from "../../src/trace/reader";
import type { Summary } from "../../src/trace/summary";
import { type Turn, Turns } from "../../src/trace/turns";
import { PROJECT } from "../tools";

/** An event as bpf/contract/trace.h lays it out. */
function event(kind: number, time: number, tid: number, ...data: number[]): Uint32Array {
  const words = new Uint32Array(16);
  words.set([time >>> 0, Math.floor(time / 2 ** 32), 100, tid, kind, ...data]);
  return words;
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  return Uint32Array.from(parts.flatMap((part) => [...part]));
}

/** Gives each record of a recording to a function. */
function read(recording: Uint32Array, onRecord: (record: TraceRecord) => void): void {
  const reader = new RecordReader({ name: "r", knows: () => true });
  reader.feed(new Uint8Array(recording.buffer, recording.byteOffset, recording.byteLength));
  reader.end();
  while (reader.next()) onRecord(reader.record);
}

test("the CPUs' events come out in the order of time, those of one CPU as they came, and none is lost", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(2 ** 33), { maxLength: 20 }), { maxLength: 9 }), (cpus) => {
      const sorted = cpus.map((times) => times.sort((a, b) => a - b));
      const rings = sorted.map((times, cpu) =>
        joined(times.map((time, i) => event(KIND.pageFault, time, 1, cpu, i))),
      );
      const found: number[][] = [];
      read(encodeRings(rings, 0), (record) =>
        found.push([record.timeHigh * 2 ** 32 + record.timeLow, record.word(0), record.word(1)]),
      );
      const expected = sorted.flatMap((times, cpu) => times.map((time, i) => [time, cpu, i]));
      assert.deepEqual(
        found,
        expected.sort(([a = 0, b = 0, c = 0], [d = 0, e = 0, f = 0]) => a - d || b - e || c - f),
      );
    }),
  );
});

/** The event and data words of the records that one event makes. */
function recordsOf(isa: number, ...of: Parameters<typeof event>): number[][] {
  const found: number[][] = [];
  read(encodeRings([event(...of)], isa), (record) => {
    assert.equal(record.pid, 100);
    found.push([record.event, ...Array.from({ length: record.count }, (_, i) => record.word(i))]);
  });
  return found;
}

test("each kind has kvmtrace's event, with the thread where reports look for it", () => {
  const data = [1, 2, 3, 4, 5];
  // What an exit's record has is tested below.
  const tried = new Set<number>([KIND.exit]);
  for (const [kind, ...expected] of [
    [KIND.entry, EVENT.entry, 7],
    [KIND.nestedExit, EVENT.fromL2, 7],
    [KIND.reflected, EVENT.reflected, 7],
    [KIND.pageFault, EVENT.pageFault, 1, 2, 3, 7],
    [KIND.injected, EVENT.injected, 1, 7],
    [KIND.port, EVENT.portWrite, 2, 3, 4, 7],
    [KIND.controlRegister, EVENT.crWrite, 2, 3, 4, 7],
    [KIND.msr, EVENT.msrWrite, 2, 3, 4, 7],
    [KIND.cpuid, EVENT.cpuid, 1, 2, 3, 4, 5],
    [KIND.hypercall, EVENT.hypercall, 1, 2, 3, 7],
    [KIND.apic, EVENT.apic, 1, 2, 3, 7],
    [KIND.userspaceExit, EVENT.userspaceExit, 1, 2, 7],
    [KIND.wakeup, EVENT.wakeup, 1, 2, 7],
  ] as const) {
    tried.add(kind);
    assert.deepEqual(recordsOf(0, kind, 5, 7, ...data), [expected]);
    const place = THREAD_WORD.get(expected[0]);
    if (place !== undefined) assert.equal(expected[1 + place], 7);
  }
  for (const [kind, id] of [
    [KIND.port, EVENT.portRead],
    [KIND.controlRegister, EVENT.crRead],
    [KIND.msr, EVENT.msrRead],
  ] as const)
    assert.deepEqual(recordsOf(0, kind, 5, 7, 0, 2, 3, 4), [[id, 2, 3, 4, 7]]);
  for (const [name, kind] of Object.entries(KIND))
    assert.ok(tried.has(kind), `${name} has no row in this test`);
});

test("an exit implies the handlers that have no tracepoint", () => {
  const handler = (isa: number, code: number, info1 = 0, interruption = 0): number[] | undefined => {
    const [whole, ...rest] = recordsOf(0, KIND.exit, 5, 7, code, 0x1000, 1, isa, 3, info1, 0, interruption);
    assert.deepEqual(whole, [EVENT.exit, code, 0x1000, 1, isa, 7]);
    assert.ok(rest.length <= 1);
    return rest[0];
  };
  assert.deepEqual(handler(1, 0, 0, 0x80000202), [EVENT.nmi, 7]);
  assert.deepEqual(handler(1, 0, 0, 0x8000030e), undefined);
  assert.deepEqual(handler(1, 1, 0, 0x800000ec), [EVENT.interrupt, 0xec, 7]);
  assert.deepEqual(handler(1, 1), [EVENT.interrupt, 0, 7]);
  assert.deepEqual(handler(1, 7), [EVENT.pending, 0, 7]);
  assert.deepEqual(handler(1, 12), [EVENT.hlt, 7]);
  assert.deepEqual(handler(1, 28, 0x20), [EVENT.clts, 7]);
  assert.deepEqual(handler(1, 28, 0xabcd0030), [EVENT.lmsw, 0xabcd, 7]);
  assert.deepEqual(handler(1, 28, 0x10), undefined);
  assert.deepEqual(handler(1, 29, 0x16), [EVENT.drRead, 6, 0, 7]);
  assert.deepEqual(handler(1, 29, 0x07), [EVENT.drWrite, 7, 0, 7]);
  assert.deepEqual(handler(1, 0x80000001), undefined);
  assert.deepEqual(handler(2, 0x27), [EVENT.drRead, 7, 0, 7]);
  assert.deepEqual(handler(2, 0x30), [EVENT.drWrite, 0, 0, 7]);
  assert.deepEqual(handler(2, 0x60), [EVENT.interrupt, 0, 7]);
  assert.deepEqual(handler(2, 0x61), [EVENT.nmi, 7]);
  assert.deepEqual(handler(2, 0x64), [EVENT.pending, 0, 7]);
  assert.deepEqual(handler(2, 0x78), [EVENT.hlt, 7]);
  assert.deepEqual(handler(2, 0x72), undefined);
  assert.deepEqual(handler(7, 12), undefined);
});

test("why KVM returned to user space is named as the kernel prints it, errors by their number", () => {
  const named = (reason: number, errno: number) => {
    const names: string[] = [];
    read(encodeRings([event(KIND.userspaceExit, 5, 7, reason, errno)], 0), (record) => {
      names.push(exitName(record));
    });
    return names.join();
  };
  assert.equal(named(2, 0), "KVM_EXIT_IO (2)");
  assert.equal(named(10, -4), "restart (4)");
  assert.equal(named(0, -14), "error (14)");
  assert.equal(named(4242, 0), "KVM_EXIT_4242 (4242)");
});

test("on arm64 the code is made of ret and esr_ec, and nothing tells the vCPU", () => {
  assert.deepEqual(recordsOf(ISA.arm64, KIND.exit, 5, 7, 2, 0x1000, 1, 0, 0, 0x24), [
    [EVENT.exit, 0x224, 0x1000, 1, 3, 7],
  ]);
  read(encodeRings([event(KIND.entry, 5, 7, 3)], ISA.arm64), (record) => {
    assert.equal(record.vcpu, UNKNOWN_VCPU);
  });
});

test("on riscv64 the code is scause, whose highest bit is bit 31 of it", () => {
  for (const [high, low, code] of [
    [0, 22, 22],
    [0x80000000, 5, 0x80000005],
  ] as const)
    assert.deepEqual(recordsOf(ISA.riscv64, KIND.exit, 5, 7, 0, 0x1000, 1, 0, 0, low, high), [
      [EVENT.exit, code, 0x1000, 1, ISA.riscv64, 7],
    ]);
});

const LAST = { lost: 2 ** 33 + 5, unwritten: 2 ** 34 + 7, reason: END_REASON.sizeLimit };

/** Writes events as a recording and reads them back as turns. */
function turnsOf(events: readonly Uint32Array[]): { turns: Turn[]; summary: Summary } {
  const turns: Turn[] = [];
  const pairing = new Turns(1, (turn) => turns.push(turn));
  const records = encodeRings([joined(events)], 0);
  read(joined([firstRecord(1, new Date(0)), records, lastRecord(1, LAST)]), (record) => {
    pairing.record(record);
  });
  pairing.end();
  return { turns, summary: pairing.summary };
}

const exit = (time: number, tid: number, code: number) =>
  event(KIND.exit, time, tid, code, 0x1000, 0, 2, 0, 0, 0, 0);
const entry = (time: number, tid: number) => event(KIND.entry, time, tid, 0);

test("exits pair with entries of their thread, though two VMs of a process have a vCPU 0 each", () => {
  const { turns, summary } = turnsOf([
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
  assert.equal(summary.lost, LAST.lost);
  assert.deepEqual(summary.unwritten, { sizeLimit: LAST.unwritten, writeFailed: 0 });
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
  assert.deepEqual(turns[1]?.events, [
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
  const words = encodeRings([joined([0, 1, 2, 3, 4].map((time) => exit(time, 1, 0x72)))], 0);
  assert.equal(words.length, 50);
  assert.deepEqual(
    [-1, 0, 9, 10, 49, 50, 99].map((limit) => wholeEvents(words, limit)),
    [0, 0, 0, 1, 4, 5, 5].map((events) => ({ words: 10 * events, events })),
  );
});

test("a stream is cut between events: no exit is parted from what the recorder made of it", () => {
  // 0x78 is HLT, whose record of 24 bytes follows the exit's.
  const words = encodeRings([joined([exit(0, 1, 0x78), exit(1, 1, 0x78)])], 0);
  assert.deepEqual(
    [9, 10, 15, 16, 26, 31, 32].map((limit) => wholeEvents(words, limit).words),
    [0, 0, 0, 16, 16, 16, 32],
  );
  for (const isa of [1, 2])
    for (let code = 0; code < 0x80; code++)
      for (const info of [0, 0x20, 0x30]) {
        const made = encodeRings([event(KIND.exit, 5, 7, code, 0, 0, isa, 0, info, 0, 0x80000202)], 0);
        assert.deepEqual(wholeEvents(made, made.length), { words: made.length, events: 1 });
      }
});

test("our formats file has a sound rule for every event", () => {
  const rules = parseDefinitions(
    readFileSync(join(PROJECT, "share", "kvmtrace.formats"), "latin1"),
    "formats",
  );
  for (const [name, id] of Object.entries(EVENT)) {
    const text = rules.get(id)?.text;
    assert.ok(text !== undefined, `share/kvmtrace.formats has no rule for ${name}, 0x${id.toString(16)}`);
    assert.equal(parsePercent(text).failure, undefined, text);
  }
  for (const id of Object.values(EVENT))
    assert.ok(
      THREAD_WORD.has(id) ||
        [EVENT.cpuid, EVENT.recording, EVENT.end, EVENT.gap, EVENT.gapEnd, EVENT.vmName, EVENT.vmUuid].some(
          (other) => other === id,
        ),
    );
});
