// SPDX-License-Identifier: MIT
// What exits were about, from snapshots to readings, rows, tables, CSV and JSON.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import Ajv from "ajv";
import { detailRows, pickDetails } from "../../src/measure/details";
import { groupSamples } from "../../src/measure/grouping";
import { NOTHING_LOST } from "../../src/measure/lost";
import type { Reading } from "../../src/measure/reading";
import { type Sample, total } from "../../src/measure/samples";
import { countTable } from "../../src/render/count";
import { PLAIN } from "../../src/render/form";
import { ReasonFilter } from "../../src/reasons/filter";
import { csvHeading, csvLines } from "../../src/render/csv";
import { jsonLine } from "../../src/render/json";
import { timeTable } from "../../src/render/time";
import { intervalsOf, snapshot } from "./snapshots";

const [MSR, NPF, CPUID, HLT] = [0x7c, 0x400, 0x72, 0x78];
const [WRITE, PAGE] = [1n << 57n, 1n << 59n];
const WRITE_DEADLINE = 0x6e0n | (1n << 32n);

const samplesOf = (reading: Reading | undefined) =>
  (reading && groupSamples(reading, "reason")[0]?.[1]) ?? new Map<number, Sample>();
const rowsOf = (reading: Reading | undefined, reason: number) =>
  [...samplesOf(reading).values()]
    .filter((sample) => sample.reason === reason)
    .flatMap(detailRows)
    .map(({ text, sample }) => [text, total(sample).count, total(sample).maxNs]);

const FIRST = [
  { vcpu: 0, reason: MSR, count: 3, totalNs: 30, maxNs: 20, detail: 0x277n },
  { vcpu: 0, reason: MSR, count: 7, totalNs: 70, maxNs: 40, detail: WRITE_DEADLINE },
  { vcpu: 1, reason: MSR, count: 11, totalNs: 110, maxNs: 50, detail: WRITE_DEADLINE, level: 2 },
  { vcpu: 0, reason: MSR, count: 2, detail: "unknown" },
  { vcpu: 0, reason: MSR, count: 13, detail: "others" },
  { vcpu: 0, reason: HLT, count: 5 },
] as const;
const VCPUS = [{ pid: 100 }, { pid: 100, id: 1 }];

test("the rows of a reason are by count, unknown and others last, and sum to the reason", () => {
  const [reading] = intervalsOf([snapshot(VCPUS, FIRST)]);
  assert.deepEqual(rowsOf(reading, MSR), [
    ["write IA32_TSC_DEADLINE (0x6e0)", 18, 50],
    ["read IA32_PAT (0x277)", 3, 20],
    ["unknown", 2, 0],
    ["others", 13, 0],
  ]);
  const sample = [...samplesOf(reading).values()].find(({ reason }) => reason === MSR);
  assert.equal(sample && total(sample).count, 36);
  assert.deepEqual(rowsOf(reading, HLT), []);
});

test("--top bounds a reason's details, too, and sums up the others", () => {
  const [reading] = intervalsOf([snapshot(VCPUS, FIRST)]);
  const lines = countTable(samplesOf(reading), { ...PLAIN, heading: false, sort: "count", top: 1 });
  assert.deepEqual(
    lines.map((line) => line.trim().replaceAll(/ +/g, " ")),
    [
      "124 MSR 36 25 11",
      "write IA32_TSC_DEADLINE (0x6e0) 18 7 11",
      "3 other details 18 18 0",
      "1 other reason 5 5 0",
      "Total 41 30 11",
    ],
  );
});

test("an interval has the details of its own exits, and their maxima; those of ended vCPUs stay", () => {
  const readings = intervalsOf([
    snapshot(VCPUS, FIRST),
    snapshot(
      [
        { pid: 100, ended: true },
        { pid: 100, id: 1 },
      ],
      [
        { vcpu: 0, reason: MSR, count: 3, totalNs: 30, maxNs: 0, detail: 0x277n },
        { vcpu: 0, reason: MSR, count: 9, totalNs: 81, maxNs: 6, detail: WRITE_DEADLINE },
        { vcpu: 0, reason: MSR, count: 2, detail: "unknown" },
        { vcpu: 0, reason: MSR, count: 13, detail: "others" },
        { vcpu: 0, reason: HLT, count: 5 },
      ],
    ),
    snapshot([], []),
  ]);
  assert.deepEqual(rowsOf(readings[1], MSR), [["write IA32_TSC_DEADLINE (0x6e0)", 2, 6]]);
  assert.deepEqual(rowsOf(readings[2], MSR), []);
});

test("pages that follow each other are one range; leaves are one row whatever ECX had", () => {
  const [reading] = intervalsOf([
    snapshot(VCPUS, [
      { vcpu: 0, reason: NPF, count: 1, detail: 0x2000n | PAGE | WRITE },
      { vcpu: 0, reason: NPF, count: 2, detail: 0x1000n | PAGE | WRITE },
      { vcpu: 0, reason: NPF, count: 1, detail: 0x3000n | PAGE },
      { vcpu: 0, reason: NPF, count: 1, detail: 0x5000n | PAGE },
      { vcpu: 0, reason: NPF, count: 9, detail: 0xfee000b0n | WRITE },
      { vcpu: 0, reason: CPUID, count: 3, detail: 0x1n | (5n << 32n) },
      { vcpu: 0, reason: CPUID, count: 4, detail: 0x1n | (6n << 32n) },
      { vcpu: 0, reason: CPUID, count: 1, detail: 0x4n | (6n << 32n) },
    ]),
  ]);
  assert.deepEqual(rowsOf(reading, NPF), [
    ["write 0xfee000b0 (local APIC: EOI)", 9, 0],
    ["write 0x1000-0x2fff", 3, 0],
    ["read 0x3000-0x3fff", 1, 0],
    ["read 0x5000-0x5fff", 1, 0],
  ]);
  assert.deepEqual(rowsOf(reading, CPUID), [
    ["leaf 0x1 (features)", 7, 0],
    ["leaf 0x4 subleaf 0x6 (caches)", 1, 0],
  ]);
});

test("tables have details below their reason, indented; the sum counts each exit once", () => {
  const [reading] = intervalsOf([snapshot(VCPUS, FIRST)]);
  assert.deepEqual(countTable(samplesOf(reading), PLAIN), [
    "    Exit reason                          Total       L1       L2",
    "120 HLT                                      5        5        0",
    "124 MSR                                     36       25       11",
    "      write IA32_TSC_DEADLINE (0x6e0)       18        7       11",
    "      read IA32_PAT (0x277)                  3        3        0",
    "      unknown                                2        2        0",
    "      others                                13       13        0",
    "    Total                                   41       30       11",
  ]);
  const lines = timeTable(samplesOf(reading), { ...PLAIN, heading: false });
  assert.match(
    lines[2] ?? "",
    /^ {6}write IA32_TSC_DEADLINE \(0x6e0\) +18 \( +10\) +7 \( +10\) +11 \( +10\)$/,
  );
  // A terminal that is too narrow for names in full and both levels has the names.
  const narrow = timeTable(samplesOf(reading), { ...PLAIN, room: 80 });
  assert.ok(narrow.every((line) => line.length <= 80));
  assert.match(narrow[3] ?? "", /^ {6}write IA32_TSC_DEADLINE \(0x6e0\) +18 \( +10\)/);
  assert.equal(narrow.at(-1), "No room for L1 (Avg ns), L2 (Avg ns)");
  assert.equal(countTable(samplesOf(reading), { ...PLAIN, room: 45 }).at(-1), "No room for L1, L2");
});

test("CSV has each exit in one row, with its detail", () => {
  const [reading] = intervalsOf([snapshot(VCPUS, FIRST)]);
  assert.ok(reading);
  assert.match(csvHeading("count", true), /,level,detail,count,duration_ns$/);
  const rows = csvLines({ ...reading, final: true }, groupSamples(reading, "reason"), "count", false, true);
  const ends = rows.map((row) => row.split(",").slice(6, 10));
  assert.deepEqual(ends, [
    ["HLT", "1", "", "5"],
    ["MSR", "1", "write IA32_TSC_DEADLINE (0x6e0)", "7"],
    ["MSR", "2", "write IA32_TSC_DEADLINE (0x6e0)", "11"],
    ["MSR", "1", "read IA32_PAT (0x277)", "3"],
    ["MSR", "1", "unknown", "2"],
    ["MSR", "1", "others", "13"],
  ]);
});

test("JSON has details as values and in words, by its schema", () => {
  const [reading] = intervalsOf([snapshot(VCPUS, FIRST)]);
  assert.ok(reading);
  const about = { tool: "kvm-tool", version: "1", host: undefined, options: { details: true } };
  const text = jsonLine(
    about,
    { ...reading, final: true },
    groupSamples(reading, "reason"),
    { ...NOTHING_LOST, detailsFull: 13 },
    "wide",
  );
  const ajv = new Ajv({ allowUnionTypes: true, formats: { "date-time": true } });
  const schema = readFileSync(join(__dirname, "../../../docs/kvm-vmexit.schema.json"), "utf8");
  const validate = ajv.compile(JSON.parse(schema) as object);
  const line = JSON.parse(text) as {
    exits: { details?: { text: string; detail: unknown; count: unknown }[] }[];
    lost: { detailsFull: number };
  };
  assert.ok(validate(line), JSON.stringify(validate.errors));
  assert.equal(line.lost.detailsFull, 13);
  assert.equal(line.exits[0]?.details, undefined);
  const [first, , , last] = line.exits[1]?.details ?? [];
  assert.deepEqual(first?.detail, { kind: "msr", write: true, msr: 0x6e0 });
  assert.deepEqual(first.count, { total: 18, l1: 7, l2: 11 });
  assert.deepEqual([last?.text, last?.detail], ["others", null]);
});

test("a reason is picked by the numbers of its details", () => {
  const lists = { reasons: "MSR:0x6e0,NPF:0x1234,HLT" };
  const filter = new ReasonFilter("svm", lists, true);
  assert.deepEqual([...(filter.only ?? [])], [MSR, NPF, HLT]);
  const [reading] = intervalsOf([
    snapshot(VCPUS, [
      ...FIRST,
      { vcpu: 0, reason: NPF, count: 17, detail: 0x1000n | PAGE | WRITE },
      { vcpu: 0, reason: NPF, count: 1, detail: 0x2000n | PAGE | WRITE },
    ]),
  ]);
  const picked = pickDetails(samplesOf(reading), filter.details);
  const counts = [...picked.values()].map((sample) => [sample.reason, total(sample).count]);
  assert.deepEqual(counts, [
    [MSR, 18],
    [HLT, 5],
    [NPF, 17],
  ]);
  assert.equal(new ReasonFilter("svm", { reasons: "MSR:1,MSR" }, true).details.size, 0);
  assert.throws(() => new ReasonFilter("svm", lists), /names details; give --details, too/);
  assert.throws(() => new ReasonFilter("svm", { reasons: "MSR:x" }, true), /"MSR:x" names no detail/);
  assert.throws(() => new ReasonFilter("svm", { reasons: "MRS:1" }, true), /MRS/);
});
