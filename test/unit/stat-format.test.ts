// SPDX-License-Identifier: MIT
// Batch, log and CSV lines are kvm_stat's to the byte, and so are the numbers in them.
import assert from "node:assert/strict";
import test from "node:test";
import { batchLines, csvLog, helpLines, plainLog } from "../../src/stat/format";
import { floatText, oneDecimal, parseFloating, parseInteger, roundHalfEven } from "../../src/python/numbers";

const COUNTS = new Map([
  ["kvm_exit(CPUID) kvm_exit", { value: 23, delta: 3 }],
  ["kvm_exit", { value: 12345678901, delta: -1 }],
  ["kvm_entry", { value: 7, delta: 0 }],
]);
const KEYS = ["kvm_entry", "kvm_exit", "kvm_exit(CPUID) kvm_exit"];
const TIME = "2026-01-02 03:04:05";

test("batch lines are sorted, and wide numbers push the line out", () => {
  assert.deepEqual(batchLines(COUNTS), [
    "kvm_entry                                          7         0",
    "kvm_exit                                  12345678901        -1",
    "kvm_exit(CPUID)                                   23         3",
  ]);
});

test("a plain log has names with a blank after each, and columns of ten", () => {
  assert.equal(plainLog.banner(KEYS), "kvm_entry kvm_exit kvm_exit(CPUID) ");
  assert.equal(plainLog.line(KEYS, COUNTS, TIME), "2026-01-02 03:04:05         0        -1         3");
  assert.equal(plainLog.line(["gone"], COUNTS, TIME), "2026-01-02 03:04:05         -");
});

test("CSV names its columns, and a key that isn't counted has no number", () => {
  assert.equal(csvLog.banner(KEYS), "timestamp,kvm_entry,kvm_exit,kvm_exit(CPUID)");
  assert.equal(csvLog.line([...KEYS, "gone"], COUNTS, TIME), "2026-01-02 03:04:05,0,-1,3,");
});

test("the list of events has each parent once", () => {
  assert.deepEqual(helpLines(COUNTS.keys()), ["  kvm_entry", "  kvm_exit"]);
});

test("one decimal and whole numbers round halves to even, as Python does", () => {
  for (const [value, text] of [
    [0.25, "0.2"],
    [0.75, "0.8"],
    [12.25, "12.2"],
    [33.35, "33.4"],
    [99.95, "100.0"],
    [6.35, "6.3"],
    [100, "100.0"],
    [-0.25, "-0.2"],
  ] as const)
    assert.equal(oneDecimal(value), text);
  assert.deepEqual([0.5, 1.5, 2.5, -0.5, -1.5, 2.4999, Infinity].map(roundHalfEven).map(String), [
    "0",
    "2",
    "2",
    "0",
    "-2",
    "2",
    "Infinity",
  ]);
});

test("numbers are read and written as Python's", () => {
  assert.deepEqual(["12", " +1_0 ", "1__0", "0x1", "1.0", ""].map(parseInteger), [
    12,
    10,
    ...Array<undefined>(4),
  ]);
  assert.deepEqual([".5", "5.", "1e-2", "-Inf", "1_0.5", ".", "1e", "0x1"].map(parseFloating), [
    0.5,
    5,
    0.01,
    -Infinity,
    10.5,
    undefined,
    undefined,
    undefined,
  ]);
  assert.deepEqual([0.05, 1e-5, 123456789012345680, 26, 0, 0.00012, 1.5e300].map(floatText), [
    "0.05",
    "1e-05",
    "1.2345678901234568e+17",
    "26.0",
    "0.0",
    "0.00012",
    "1.5e+300",
  ]);
});
