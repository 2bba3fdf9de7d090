// Names and numbers of exit reasons, and what users may call them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { UsageError } from "../../src/errors";
import { isaName, labelWidth, parseReasons, reasonLabel, reasonName, reasonNumber } from "../../src/reasons";
import { PROJECT } from "../tools";

test("the isa numbers are those of the contract", () => {
  const header = readFileSync(join(PROJECT, "bpf", "vmexit.h"), "utf8");
  const defined = [...header.matchAll(/^#define VMEXIT_ISA_(\w+) (\d+)$/gm)];
  assert.equal(defined.length, 3);
  for (const [, name, number] of defined) assert.equal(isaName(Number(number)), name?.toLowerCase());
  assert.equal(isaName(9), "isa9");
});

test("names", () => {
  assert.equal(reasonName("svm", 120), "HLT");
  assert.equal(reasonName("vmx", 12), "HLT");
  assert.equal(reasonName("svm", 0x4e), "EXCP_PF");
  assert.equal(reasonName("vmx", 0x80000021), "INVALID_STATE FAILED_VMENTRY");
  assert.equal(reasonName("vmx", (1 << 26) | 12), "HLT", "a bus lock besides");
  assert.equal(reasonName("vmx", 0x1000c), undefined, "PVM's codes are not Intel's");
  assert.equal(reasonName("arm64", 0), "IRQ");
  assert.equal(reasonName("arm64", 0x216), "TRAP HVC64");
  assert.equal(reasonName("svm", 0x555), undefined);
  assert.equal(reasonName("isa9", 1), undefined);
});

test("numbers", () => {
  assert.equal(reasonNumber("svm", 0xffffffff), -1);
  assert.equal(reasonNumber("svm", 0x80000001), 0x80000001);
  assert.equal(reasonNumber("vmx", 0x80000021), 0x80000021);
  assert.equal(reasonLabel(1024), "1024");
  assert.equal(reasonLabel(-1), "-1");
  assert.equal(reasonLabel(0x80000021), "0x80000021");
});

test("the width that numbers take", () => {
  assert.deepEqual(["svm", "vmx", "arm64", "isa9"].map(labelWidth), [4, 3, 3, 3]);
});

test("lists of reasons", () => {
  assert.deepEqual([...parseReasons("svm", "120")], [120]);
  assert.deepEqual([...parseReasons("vmx", "12,")], [12]);
  assert.deepEqual([...parseReasons("svm", "hlt, CPUID,0x400,-1")], [120, 114, 1024, -1]);
  assert.deepEqual([...parseReasons("vmx", "EXTERNAL_INT,MOV_CR,RDMSR")], [1, 28, 31]);
});

for (const [isa, list, expected] of [
  ["svm", "12", /"12" is not .* svm; HLT is 120 here/],
  ["vmx", "120", /"120" is not .* vmx; HLT is 12 here/],
  ["vmx", "CPUDI", /nearest are CPUID/],
  ["svm", "1030,HLT", /"1030" is not/],
  ["svm", "", /the list of reasons, "", names none/],
  ["svm", ",", /the list of reasons, ",", names none/],
  ["svm", "HLT,,CPUID", /the list of reasons, "HLT,,CPUID", names none/],
  ["svm", "9999999", /the nearest are 1027 \(VMGEXIT\)/],
] as const)
  test(`"${list}" is refused on ${isa}`, () => {
    assert.throws(
      () => parseReasons(isa, list),
      (error) => error instanceof UsageError && expected.test(error.message),
    );
  });
