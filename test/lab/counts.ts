// SPDX-License-Identifier: MIT
// What the ground-truth guest's exits must come out as, and how to read it from a tool's output.
import assert from "node:assert/strict";
import type { Result } from "../tools";

/** One row: Total, L1, L2. */
export type Row = readonly [number, number, number];

/** Arguments of the guest, and the counts on SVM that it promises: exact ones only. */
export const WORKLOAD = [
  ["--cpuid", "23", "--out", "19", "--in", "17", "--hlt", "37"],
  ["--rdmsr", "41", "--wrmsr", "43", "--mmio", "13", "--hypercall", "11"],
].flat();
export const PROMISED: Readonly<Record<string, number>> = {
  CPUID: 23,
  HLT: 37,
  IOIO: 19 + 17 + 1,
  MSR: 41 + 43,
  VMMCALL: 11,
};
/** The same guest's counts on VMX. */
export const PROMISED_OF_VMX: Readonly<Record<string, number>> = {
  CPUID: 23,
  HLT: 37,
  IO_INSTRUCTION: 19 + 17 + 1,
  MSR_READ: 41,
  MSR_WRITE: 43,
  VMCALL: 11,
};

/** Rows of a count table by name. */
export function rows(table: string): Map<string, Row> {
  const result = new Map<string, Row>();
  for (const line of table.split("\n")) {
    const match = /^\s*(?:\S+ )?([A-Z]\S*(?: [A-Z_]+)?)\s+(\d+)\s+(\d+)\s+(\d+)$/.exec(line);
    if (match?.[1] !== undefined)
      result.set(match[1], [Number(match[2]), Number(match[3]), Number(match[4])]);
  }
  return result;
}

/** Asserts that the run went well and that L1 (or L2) has exactly `times` what the guest promises. */
export function assertPromised(result: Result, times = 1, column: 1 | 2 = 1): Map<string, Row> {
  assert.equal(result.status, 0, result.stderr);
  const found = rows(result.stdout);
  for (const [name, count] of Object.entries(PROMISED))
    assert.equal(found.get(name)?.[column], count * times, `${name} in\n${result.stdout}`);
  for (const [name, [total, l1, l2]] of found) assert.equal(total, l1 + l2, name);
  return found;
}
