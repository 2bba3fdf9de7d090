// SPDX-License-Identifier: MIT
// The tools' JSON: what is written is valid, says what was counted, and can be read back.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import Ajv from "ajv";
import * as fc from "fast-check";
import { readLine, readLines, UsageError } from "kvm-vmexit";
import { NO_LOSSES } from "../../src/contract";
import { COLUMN, type Column, type Columns } from "../../src/measure/columns";
import { type Grouped, groupSamples } from "../../src/measure/grouping";
import { percentileOf } from "../../src/measure/histogram";
import { type About, SCHEMA } from "../../src/measure/lines";
import { NOTHING_LOST, WAYS_OF_LOSS } from "../../src/measure/lost";
import { type Sample, type Samples, total } from "../../src/measure/samples";
import { countTable } from "../../src/render/count";
import { PLAIN } from "../../src/render/form";
import { jsonLine, slowEndJson, slowJson } from "../../src/render/json";
import { splitJsonLine } from "../../src/render/split-lines";
import { timeTable } from "../../src/render/time";
import { makeClock } from "../../src/split/clock";
import { PROJECT } from "../tools";
import { intervalsOf, snapshot } from "./snapshots";

/** Of an exit's values in the schema. */
interface Properties {
  readonly l2: { readonly properties: object };
}

const schema = JSON.parse(readFileSync(join(PROJECT, "docs", "kvm-vmexit.schema.json"), "utf8")) as {
  $id: string;
  definitions: {
    exits: { properties: Properties & { details: { items: { properties: Properties } } } };
    lost: { properties: object };
  };
};
const valid = new Ajv({ allowUnionTypes: true, formats: { "date-time": true } }).compile(schema);

const ABOUT: About = {
  tool: "kvm-vmexit-time",
  version: "0.1.0",
  host: { kernel: "6.1.0", machine: "x86_64", processor: "AMD EPYC", isa: "svm", attach: "direct" },
  options: {
    by: "vcpu",
    timing: true,
    histograms: true,
    pids: [100],
    vm: "web-*",
    vcpus: [0],
    thresholdNs: 5,
  },
};

const TIME = { start: new Date(1e12), end: new Date(1e12 + 500), durationNs: 1e9, final: false };

const slot = fc.record({
  vcpu: fc.nat(2),
  reason: fc.constantFrom(114, 120, 1024, 0xffffffff, 0x555),
  level: fc.constantFrom(1, 2),
  times: fc.array(fc.tuple(fc.nat(171), fc.integer({ min: 1, max: 2 ** 40 })), {
    minLength: 1,
    maxLength: 8,
  }),
});

function readingOf(
  slots: readonly { vcpu: number; reason: number; level: number; times: [number, number][] }[],
) {
  const vcpus = [{ pid: 100 }, { pid: 100 }, { pid: 101, id: -1, comm: "=evil\u202e\u009b" }];
  const rows = slots.map(({ times, ...rest }) => {
    const count = times.reduce((sum, [, times]) => sum + times, 0);
    return { ...rest, count, totalNs: count * 7, maxNs: 1 + 2 ** 20, buckets: times };
  });
  const [reading] = intervalsOf([snapshot(vcpus, rows, 3)]);
  assert.ok(reading);
  return reading;
}

function written(slots: Parameters<typeof readingOf>[0], columns: Columns): [readonly Grouped[], string] {
  const reading = readingOf(slots);
  const groups = groupSamples(reading, "vcpu");
  return [groups, jsonLine(ABOUT, TIME, groups, reading.lost, columns, 3)];
}

test("a line is valid by the schema, and all that it says can be read back, percentiles exactly", () => {
  fc.assert(
    fc.property(fc.array(slot, { maxLength: 8 }), (slots) => {
      const [groups, text] = written(slots, "wide");
      assert.ok(valid(JSON.parse(text)), JSON.stringify(valid.errors));
      assert.match(text, /^[^\p{Cc}\p{Cf}]*$/u);
      const line = readLine(text);
      assert.ok(line);
      const { reading, ...about } = line;
      assert.deepEqual(about, { ...ABOUT, ...TIME, vcpus: 3, split: undefined });
      assert.equal(reading.lost?.missedEvents, 3);
      const again = groupSamples(reading, "vcpu");
      assert.deepEqual(
        again.map(([identity]) => identity),
        groups.map(([{ vm, ...identity }]) => ({ ...identity, vm })),
      );
      for (const [i, [, samples]] of groups.entries()) {
        const same: Samples = again[i]?.[1] ?? new Map<number, Sample>();
        assert.deepEqual(
          timeTable(same, { ...PLAIN, wide: true, nested: true }),
          timeTable(samples, { ...PLAIN, wide: true, nested: true }),
        );
        assert.deepEqual(countTable(same, PLAIN), countTable(samples, PLAIN));
        for (const [key, sample] of samples)
          for (const fraction of [0, 0.25, 0.5, 0.99, 0.999, 1])
            assert.equal(
              percentileOf(total(same.get(key) ?? sample), fraction),
              percentileOf(total(sample), fraction),
            );
      }
    }),
  );
});

test("each choice of columns is valid; all columns and ways of loss are in the schema, under their names", () => {
  const { exits, lost } = schema.definitions;
  for (const { json, jsonLevels } of Object.values<Column>(COLUMN))
    for (const [place, properties] of [
      ["exits", exits.properties],
      ["details of exits", exits.properties.details.items.properties],
    ] as const)
      if (json !== undefined)
        assert.ok(
          Object.hasOwn(jsonLevels === "l2" ? properties.l2.properties : properties, json),
          `docs/kvm-vmexit.schema.json: ${place} lack ${json}`,
        );
  for (const way of WAYS_OF_LOSS)
    assert.ok(Object.hasOwn(lost.properties, way), `docs/kvm-vmexit.schema.json: lost lacks ${way}`);
  const slots = [{ vcpu: 0, reason: 114, level: 2, times: [[5, 3]] as [number, number][] }];
  for (const columns of ["count", "nested", "time", "wide", "histogram"] as const) {
    const [, text] = written(slots, columns);
    assert.ok(valid(JSON.parse(text)), `${columns}: ${JSON.stringify(valid.errors)}`);
    assert.ok(readLine(text));
  }
  assert.ok(valid(JSON.parse(slowEndJson({ ...ABOUT, host: undefined }, TIME, undefined))));
  assert.ok(WAYS_OF_LOSS.length > Object.keys(NO_LOSSES).length);
  assert.equal(schema.$id, SCHEMA);
});

test("details are read back from their values, never from their words", () => {
  const rows = [
    { vcpu: 0, reason: 124, count: 7, totalNs: 70, maxNs: 40, detail: 0x6e0n | (1n << 32n) },
    { vcpu: 0, reason: 123, count: 2, detail: (0x3f8n << 16n) | (1n << 4n) },
    { vcpu: 0, reason: 1024, count: 3, detail: 0x1000n | (1n << 59n) },
    { vcpu: 0, reason: 1024, count: 3, detail: 0x2000n | (1n << 59n) },
    { vcpu: 0, reason: 1024, count: 2, detail: "unknown" },
    { vcpu: 0, reason: 1024, count: 1, detail: "others" },
  ] as const;
  const [reading] = intervalsOf([snapshot([{ pid: 100 }], rows)]);
  assert.ok(reading);
  const groups = groupSamples(reading, "vcpu");
  const text = jsonLine(ABOUT, TIME, groups, reading.lost, "wide", 1);
  const line = readLine(text.replaceAll("IA32_TSC_DEADLINE", "EVIL"));
  assert.ok(line);
  const table = (shown: readonly Grouped[]) =>
    shown.map(([, samples]) => timeTable(samples, { ...PLAIN, wide: true }));
  assert.deepEqual(table(groupSamples(line.reading, "vcpu")), table(groups));
  for (const [wrong, why] of [
    [text.replace('"kind":"msr"', '"kind":"nope"'), /detail is of no known kind/],
    [text.replace('"port":1016', '"port":"1016"'), /detail is of no known kind/],
    [text.replace('"text":"unknown"', '"text":"mine"'), /a detail has no values/],
  ] as const) {
    assert.notEqual(wrong, text);
    assert.throws(() => readLine(wrong), why);
  }
});

test("a line of split is valid, and its clocks can be read back", () => {
  const vm = { pid: 7, startNs: 3, name: "web", source: "process" } as const;
  const clock = makeClock(
    (_, index) => index * 1000,
    (count) => count.length,
    () => 50_000,
    [0, 2, 0, 7],
  );
  const groups = [
    { clock, vcpus: 4 },
    { vm, clock, vcpus: 2 },
    { vm, vcpu: 1, clock, vcpus: 1 },
    { vm, tid: 9, clock, vcpus: 1 },
  ];
  const text = splitJsonLine(ABOUT, { ...TIME, lost: NOTHING_LOST }, groups);
  assert.ok(valid(JSON.parse(text)), JSON.stringify(valid.errors));
  const line = readLine(text);
  assert.deepEqual(line?.split, groups);
  assert.equal(line.reading.exits.size, 0);
  for (const [wrong, why] of [
    [text.replace('"idle":', '"idel":'), /ns\.idle is no whole number of ns/],
    [text.replace('"split":[', '"split":[3,'), /a row of split is no object/],
    [text.replace('"vcpus":4', '"vcpus":-4'), /vcpus is no whole number/],
  ] as const)
    assert.throws(() => readLine(wrong), why);
});

test("a slow exit's line has its detail as values, and is no reading", () => {
  const exit = {
    vm: { pid: 7, startNs: 1, name: "web\u200b", source: "process" },
    vcpu: undefined,
    tid: 8,
    isa: "vmx",
    reason: 48,
    name: undefined,
    level: 2,
    ns: 5,
    end: new Date(0),
    rip: "0xffffffff81000000",
    detail: { kind: "memory", access: "read", address: 0xfee000b0, bytes: 1 },
    details: "read 0xfee000b0 (local APIC: EOI)",
  } as const;
  const text = slowJson("kvm-vmexit-slower", exit);
  const line = JSON.parse(text) as { slow: { vm: string; detail: unknown } };
  assert.ok(valid(line), JSON.stringify(valid.errors));
  assert.deepEqual([line.slow.vm, line.slow.detail], ["web\u200b", exit.detail]);
  assert.ok(text.includes('"web\\u200b"'));
  assert.equal(readLine(text), undefined);
});

test("a last line that was cut off is told to who asks, and is an error to who doesn't", async () => {
  const [, text] = written([{ vcpu: 0, reason: 114, level: 1, times: [[9, 3]] }], "wide");
  const cuts: number[] = [];
  let lines = 0;
  for await (const { vcpus } of readLines([`${text}\n${text.slice(0, 50)}`], (size) => cuts.push(size))) {
    lines++;
    assert.equal(vcpus, 3);
  }
  assert.deepEqual([lines, cuts], [1, [50]]);
  await assert.rejects(async () => {
    for await (const line of readLines([text.slice(0, 50)])) assert.ok(line);
  }, UsageError);
});

test("lines are read in chunks of any size; a wrong one is told with its number", async () => {
  const [, text] = written([{ vcpu: 0, reason: 114, level: 1, times: [[9, 3]] }], "wide");
  const bytes = Buffer.from(`${text}\n\n${text}\n${text}`);
  for (const size of [1, 7, 4096]) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
    let lines = 0;
    for await (const { tool } of readLines(chunks)) lines += Number(tool === ABOUT.tool);
    assert.equal(lines, 3);
  }
  for (const [wrong, why] of [
    ["{", /line 2: no line of .*JSON/],
    ["[]", /line 2: .*it is no object/],
    ['{"schema":"kvm-vmexit/1\\u202e"}', /line 2: .*its schema is "kvm-vmexit\/1\\u202e"; name/],
    [text.replace('"l1":3', '"l1":-3'), /line 2: .*count\.l1 is no whole number/],
    [text.replace('"isa":"svm","reason"', '"isa":"nope","reason"'), /line 2: .*isa/],
  ] as const)
    await assert.rejects(
      async () => {
        for await (const line of readLines([`${text}\n${wrong}\n`])) assert.ok(line);
      },
      (error) => error instanceof UsageError && why.test(error.message),
    );
});

test("a line that contradicts itself is refused, and told what with what", () => {
  const rows = [
    { vcpu: 0, reason: 114, level: 1, times: [[9, 3]] as [number, number][] },
    { vcpu: 0, reason: 114, level: 2, times: [[20, 2]] as [number, number][] },
  ];
  const [, text] = written(rows, "wide");
  assert.ok(readLine(text));
  const fields =
    '"count":{"total":5,"l1":3,"l2":2},"timed":{"total":5,"l1":3,"l2":2},"timeNs":{"total":35,"l1":21,"l2":14}';
  assert.ok(text.includes(fields), text);
  const exits = "exits of svm 114: ";
  for (const [from, to, why] of [
    ['"count":{"total":5', '"count":{"total":6', `${exits}count.total is 6, and l1 and l2 are 5`],
    [
      '"count":{"total":5,"l1":3',
      '"count":{"total":4,"l1":2',
      `${exits}timed.l1 is 3, more than count, which is 2`,
    ],
    [
      '"timed":{"total":5,"l1":3',
      '"timed":{"total":4,"l1":2',
      `${exits}the histogram of l1 is 3, more than timed, which is 2`,
    ],
    ['"timed":{"total":5,"l1":3', '"timed":{"total":2,"l1":0', `${exits}timeNs.l1 is 21, and timed is 0`],
    ['"timeNs":{"total":35', '"timeNs":{"total":34', `${exits}timeNs.total is 34, and l1 and l2 are 35`],
    ['"count":{"total":5', '"count":{"total":5.5', `${exits}count.total is no whole number from 0 to 2^53`],
    [
      '"count":{"total":5',
      '"count":{"total":9007199254740993',
      `${exits}count.total is no whole number from 0 to 2^53`,
    ],
    ['"timeNs":{"total":35', '"timeNs":{"total":1e400', `${exits}timeNs.total is no whole number of ns`],
    ['"timeNs":{"total":35', '"timeNs":{"total":"35"', `${exits}timeNs.total is no whole number of ns`],
    ['"l1":[[10,11', '"l1":[[10,12', `${exits}histogram has no bucket from 10 to 12 ns`],
    ['"vcpus":3', '"vcpus":0', "the number of vCPUs with exits is 1, more than vcpus, which is 0"],
    [
      '"exits":[',
      `"exits":[${/"exits":\[(\{.*\})\]/.exec(text)?.[1] ?? ""},`,
      "exits of svm 114 are there twice",
    ],
    ['"pidStartNs":', '"pidStartNs":-', "pidStartNs is no whole number of ns"],
  ] as const) {
    const wrong = text.replace(from, to);
    assert.notEqual(wrong, text, from);
    assert.throws(
      () => readLine(wrong),
      (error) =>
        error instanceof UsageError &&
        error.message === `no line of kvm-vmexit/2: ${why}; name a file that --json wrote`,
      `${to}: ${why}`,
    );
  }
});

/** What readLines() makes of a text in chunks, and the lengths of what was cut off. */
async function readBack(text: string, size: number): Promise<[readings: object[], cuts: number[]]> {
  const readings: object[] = [];
  const cuts: number[] = [];
  const bytes = Buffer.from(text);
  const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
  for await (const line of readLines(chunks, (length) => cuts.push(length))) readings.push(line);
  return [readings, cuts];
}

test("a line that is too long to be parsed at once says the same, row by row", async () => {
  const clock = (name: string) => ({
    vm: { pid: 7, startNs: 5, name, source: "process" as const },
    vcpu: 1,
    vcpus: 1,
    clock: makeClock(
      () => 5,
      () => 1,
      () => 1,
      [1, 2],
    ),
  });
  const [, text] = written(
    Array.from({ length: 6000 }, (_, i) => ({ vcpu: i % 3, reason: i, level: 1 + (i % 2), times: [[9, 3]] })),
    "wide",
  );
  const split = splitJsonLine(
    ABOUT,
    { ...TIME, lost: NOTHING_LOST },
    Array.from({ length: 5000 }, () => clock('a"]},[{\\"')),
  );
  for (const long of [text.replaceAll("=evil", '[\\"]},{\\\\'), split]) {
    assert.ok(long.length > 2 ** 20);
    const parsed = readLine(long);
    for (const size of [1000, 2 ** 18, long.length])
      assert.deepEqual(await readBack(`${long}\n${long}`, size), [[parsed, parsed], []]);
    assert.deepEqual(await readBack(long.slice(0, -1), 2 ** 18), [[], [long.length - 1]]);
  }
  for (const [wrong, why] of [
    [text.replace(/\},\{(?="vm"[^{]*"vcpu":1)/, "},,{"), /line 1: no line of .*JSON/],
    [text.replace('}],"lost"', '},],"lost"'), /line 1: no line of .*JSON/],
    [text.replace('}],"lost"', '}},"lost"'), /line 1: no line of .*JSON/],
    [text.replace('}],"lost"', '}]],"lost"'), /line 1: no line of .*JSON/],
    [text.replace('"exits":[', '"exits":[5,'), /line 1: .*an exit is no object/],
    [text.replace(SCHEMA, "other"), /line 1: .*its schema is "other"/],
  ] as const)
    await assert.rejects(
      () => readBack(`${wrong}\n`, 2 ** 18),
      (error) => error instanceof UsageError && why.test(error.message),
      String(why),
    );
});

test("one row has a bound of its own", async () => {
  const [, text] = written([{ vcpu: 0, reason: 114, level: 1, times: [[9, 3]] }], "count");
  const long = text.replace('"exits":[{', `"exits":[{"more":"${"x".repeat(2 ** 24)}",`);
  await assert.rejects(() => readBack(long, 2 ** 20), /line 1: .*a part of it is longer than 16777216/);
  for (const value of ["[".repeat(2 ** 21), `[${"{},".repeat(2 ** 20 + 1)}{}]`])
    await assert.rejects(
      () => readBack(text.replace('"exits":[{', `"exits":[{"more":${value},`), 2 ** 18),
      /line 1: .*more lists and objects than lines of the tools have/,
    );
});
