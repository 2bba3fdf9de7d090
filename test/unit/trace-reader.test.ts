// SPDX-License-Identifier: MIT
// kvmtrace's records out of bytes: however they are chunked, in both byte orders, cut, damaged or merged.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { consume, type ConsumeOptions, type CutSource } from "../../src/trace/consume";
import { RecordReader, type TraceRecord } from "../../src/trace/reader";
import { type RecordParts, record } from "./trace";

const MAGIC = 0x12345678;

const u32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffffffff }));
const parts: fc.Arbitrary<RecordParts> = fc.record(
  {
    event: fc.constantFrom(0x10001, 0x10002, 0x20005, 0x40003),
    pid: fc.integer({ min: 1, max: 4_194_304 }),
    vcpu: fc.nat(4096),
    time: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined }),
    words: fc.array(u32, { maxLength: 7 }),
  },
  { noNullPrototype: true },
);

function copy(from: TraceRecord): RecordParts {
  const time = (BigInt(from.timeHigh) << 32n) | BigInt(from.timeLow);
  return {
    event: from.event,
    pid: from.pid,
    vcpu: from.vcpu,
    time: from.timed ? time : undefined,
    words: Array.from({ length: from.count }, (_, index) => from.word(index)),
  };
}

const KNOWN = { knows: (event: number) => event >>> 16 !== 0 && event < 0x50000 };

/** Reads a recording in chunks that end at the cuts. */
function read(
  bytes: Uint8Array,
  cuts: readonly number[] = [],
  reader = new RecordReader({ name: "r", ...KNOWN }),
) {
  const found: RecordParts[] = [];
  const drain = () => {
    while (reader.next()) found.push(copy(reader.record));
  };
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  let start = 0;
  for (const end of ends) {
    reader.feed(bytes.subarray(start, end));
    drain();
    start = end;
  }
  reader.end();
  drain();
  return { found, cut: reader.cut };
}

test("reads what was written, with magic or without, in both byte orders, however it is chunked", () => {
  fc.assert(
    fc.property(
      fc.array(parts, { minLength: 1 }),
      fc.boolean(),
      fc.boolean(),
      fc.array(fc.nat(), { maxLength: 8 }),
      (all, magic, big, cuts) => {
        const start = Buffer.alloc(magic ? 4 : 0);
        if (magic)
          if (big) start.writeUInt32BE(MAGIC);
          else start.writeUInt32LE(MAGIC);
        const bytes = Buffer.concat([start, ...all.map((one) => record(one, big))]);
        assert.deepEqual(read(bytes, cuts), { found: all, cut: undefined });
      },
    ),
    { numRuns: 500 },
  );
});

test("a forced byte order overrules what the first record looks like", () => {
  const one = { event: 0x10002, pid: 3, vcpu: 0, time: 1n, words: [1] };
  const reader = new RecordReader({ name: "r", ...KNOWN, byteOrder: "big" });
  assert.deepEqual(read(record(one, true), [], reader).found, [one]);
});

test("a recording cut anywhere gives all records before the cut, and says where the rest begins", () => {
  fc.assert(
    fc.property(fc.array(parts, { minLength: 1 }), fc.nat(), (all, at) => {
      const pieces = all.map((one) => record(one));
      const bytes = Buffer.concat(pieces);
      const length = at % bytes.length;
      let whole = 0;
      let offset = 0;
      while (offset + (pieces[whole]?.length ?? Infinity) <= length) offset += pieces[whole++]?.length ?? 0;
      const expected = length === offset ? undefined : { offset, bytes: length - offset };
      assert.deepEqual(read(bytes.subarray(0, length)), { found: all.slice(0, whole), cut: expected });
    }),
  );
});

test("any bytes: an end, and no failure but garbage with its offset", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), fc.array(fc.nat(), { maxLength: 5 }), (bytes, cuts) => {
      try {
        const { found } = read(bytes, cuts);
        assert.ok(found.length <= bytes.length / 12);
      } catch (error) {
        assert.match((error as Error).message, /^r: no record at byte \d+: event 0x[0-9a-f]+ is unknown/);
      }
    }),
    { numRuns: 2000 },
  );
});

test("garbage is named by the byte it begins at, after the magic too", () => {
  const one = { event: 0x10002, pid: 3, vcpu: 0, time: 1n, words: [1] };
  const magic = Buffer.from([0x78, 0x56, 0x34, 0x12]);
  const bytes = Buffer.concat([magic, record(one), Buffer.from("this is no record, but a line of text\n")]);
  assert.throws(() => read(bytes), /^UsageError: r: no record at byte 28: /);
});

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 16) yield await Promise.resolve(bytes.subarray(at, at + 16));
}

async function consumed(recordings: readonly Uint8Array[], options: Partial<ConsumeOptions>) {
  const found: RecordParts[] = [];
  const sources = recordings.map((bytes, index) => ({ name: `r${index}`, chunks: chunks(bytes) }));
  const cuts: CutSource[] = await consume(sources, { ...KNOWN, ...options }, (one) => {
    found.push(copy(one));
  });
  return { found, cuts };
}

const at = (pid: number, time: bigint | undefined): RecordParts => ({
  event: 0x10001,
  pid,
  vcpu: 0,
  time,
  words: [],
});
const bytesOf = (all: readonly RecordParts[]) => Buffer.concat(all.map((one) => record(one)));

test("several recordings come one after another, or merged by time: of equals the first file's first", async () => {
  const first = [at(1, 5n), at(1, undefined), at(1, 9n)];
  const second = [at(2, 4n), at(2, 5n), at(2, 2n ** 40n)];
  const both = [bytesOf(first), Buffer.alloc(0), bytesOf(second)];
  assert.deepEqual((await consumed(both, {})).found, [...first, ...second]);
  assert.deepEqual((await consumed(both, { merge: true })).found, [
    at(2, 4n),
    at(1, 5n),
    at(1, undefined),
    at(2, 5n),
    at(1, 9n),
    at(2, 2n ** 40n),
  ]);
});

test("cut recordings are named", async () => {
  const bytes = bytesOf([at(1, 5n), at(1, 6n)]).subarray(0, 33);
  assert.deepEqual((await consumed([bytes, bytes], { merge: true })).cuts, [
    { name: "r0", offset: 20, bytes: 13 },
    { name: "r1", offset: 20, bytes: 13 },
  ]);
});
