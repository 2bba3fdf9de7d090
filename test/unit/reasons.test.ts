// SPDX-License-Identifier: MIT
// Names and numbers of exit reasons, and what users may call them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { MAX_REASONS } from "../../src/contract";
import { UsageError } from "../../src/errors";
import { ARM64_TRAP } from "../../src/reasons/arm64";
import { USERSPACE_REASONS } from "../../src/reasons/userspace";
import {
  INSTRUCTION_SETS,
  type Isa,
  isaName,
  labelWidth,
  learnReasons,
  parseReasons,
  reasonLabel,
  reasonName,
  reasonNames,
  reasonNumber,
} from "../../src/reasons";
import { PROJECT } from "../tools";

test("instruction sets have their names by number; others are named by it", () => {
  assert.deepEqual([1, 2, 3, 5, 9].map(isaName), ["vmx", "svm", "arm64", "riscv64", "isa9"]);
});

test("a number has the name of its instruction set, or none", () => {
  assert.equal(reasonName("svm", 120), "HLT");
  assert.equal(reasonName("vmx", 12), "HLT");
  assert.equal(reasonName("svm", 0x4e), "EXCP_PF");
  assert.equal(reasonName("vmx", 0x80000021), "INVALID_STATE FAILED_VMENTRY");
  assert.equal(reasonName("vmx", (1 << 26) | 12), "HLT", "with a bus lock");
  assert.equal(reasonName("vmx", 0x1000c), undefined, "PVM's codes are not Intel's");
  assert.equal(reasonName("arm64", 0), "IRQ");
  assert.equal(reasonName("arm64", 0x216), "TRAP HVC64");
  assert.equal(reasonName("riscv64", 5), "EXC_LOAD_ACCESS");
  assert.equal(reasonName("riscv64", 0x80000005), "IRQ_S_TIMER");
  assert.equal(reasonName("svm", 0x555), undefined);
  assert.equal(reasonName("isa9", 1), undefined);
});

test("a raw reason's number is signed on SVM only, and large ones are printed in hexadecimal", () => {
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

test("lists of reasons take numbers, names in either case and other tools' names", () => {
  assert.deepEqual([...parseReasons("svm", "120")], [120]);
  assert.deepEqual([...parseReasons("vmx", "12,")], [12]);
  assert.deepEqual([...parseReasons("svm", "hlt, CPUID,0x400,-1")], [120, 114, 1024, -1]);
  assert.deepEqual([...parseReasons("vmx", "EXTERNAL_INT,MOV_CR,RDMSR")], [1, 28, 31]);
});

test("a number without a name is taken: it may be a reason that the kernel counts as UNKNOWN", () => {
  for (const [isa, word, number] of [
    ["svm", "1365", 0x555],
    ["svm", "0x555", 0x555],
    ["svm", "-9", -9],
    ["svm", "0xfffffff7", -9],
    ["vmx", "99", 99],
    ["vmx", "0x80000063", 0x80000063],
    ["vmx", "0xffffffff", 0xffffffff],
    ["arm64", "0x23e", 0x23e],
    ["riscv64", "24", 24],
    ["riscv64", "0x80000018", 0x80000018],
  ] as const) {
    assert.equal(reasonName(isa, number), undefined, word);
    assert.deepEqual([...parseReasons(isa, word)], [number], word);
    // As it is printed.
    assert.deepEqual([...parseReasons(isa, reasonLabel(number))], [number], word);
  }
});

test("as many reasons are taken as the contract has room for", () => {
  const list = (count: number) => Array.from({ length: count }, (_, i) => 0x2000 + i).join(",");
  assert.equal(parseReasons("svm", list(MAX_REASONS)).size, MAX_REASONS);
  assert.throws(() => parseReasons("svm", list(MAX_REASONS + 1)), /name 512 at most$/);
});

for (const [isa, list, expected] of [
  ["svm", "12", /"12" is not .* svm; HLT is 120 here/],
  ["vmx", "120", /"120" is not .* vmx; HLT is 12 here/],
  ["vmx", "CPUDI", /nearest are CPUID/],
  ["vmx", "HLT,0x72", /"0x72" is not .* vmx; CPUID is 10 here$/],
  ["svm", "", /the list of reasons, "", names none/],
  ["svm", ",", /the list of reasons, ",", names none/],
  ["svm", "HLT,,CPUID", /the list of reasons, "HLT,,CPUID", names none/],
  ["svm", "4294967296", /"4294967296" is not .*; a reason is a number of 32 bits$/],
  ["svm", "-5000", /"-5000" is not .*; a reason is a number of 32 bits$/],
  ["vmx", "-1", /"-1" is not .*; a reason is a number of 32 bits$/],
  ["svm", Array.from({ length: 513 }, (_, i) => 0x2000 + i).join(","), /names 513 reasons; name 512 at most/],
] as const)
  test(`"${list.slice(0, 40)}" is refused on ${isa}`, () => {
    assert.throws(
      () => parseReasons(isa, list),
      (error) => error instanceof UsageError && expected.test(error.message),
    );
  });

/** Numbers as the kernel's headers write them, "0x040 + 13" too. */
const valueOf = (text: string) => text.split("+").reduce((sum, term) => sum + Number(term), 0);

/** Reasons of an instruction set, as `svm 120`. */
const keysOf = (isa: string, numbers: Iterable<number>) => [...numbers].map((number) => `${isa} ${number}`);

test("the tables have every reason of the kernels' headers, by the same name, and no other", () => {
  const [, ...rows] = readFileSync(join(PROJECT, "test", "data", "exit_reasons.tsv"), "utf8")
    .trimEnd()
    .split("\n");
  const wrong: string[] = [];
  const inHeaders = new Set<string>();
  for (const row of rows) {
    const [kind = "", text = "", name] = row.split("\t");
    const number = valueOf(text);
    const reasons: Readonly<Record<string, readonly [isa: Isa, number: number]>> = {
      vmx: ["vmx", number],
      svm: ["svm", number],
      "arm64-ec": ["arm64", ARM64_TRAP * 0x100 + number],
      "arm64-ret": ["arm64", (number & 0xffffff) * 0x100],
      "riscv-exc": ["riscv64", number],
      "riscv-irq": ["riscv64", 0x80000000 + number],
      "powerpc-book3s": ["ppc64", number],
      loongarch: ["loong64", number],
      "s390-icpt": ["s390x", number],
    };
    // TRAP alone is no reason.
    if (kind === "arm64-ret" && number === ARM64_TRAP) continue;
    const [isa, code] = reasons[kind] ?? ["userspace", number];
    inHeaders.add(`${isa} ${code}`);
    const found = isa === "userspace" ? USERSPACE_REASONS.get(code) : reasonName(isa, code);
    // Of s390x these are sentences, of loongarch's own two names of KVM's.
    const asOurs = kind.startsWith("s390") ? name?.toUpperCase().replace(/[^A-Z0-9]+/g, "_") : name;
    if (found?.replace(/^TRAP /, "") !== asOurs?.replace("KVM_TRACE_EXIT_", ""))
      wrong.push(`${row}: ${found ?? "none"}`);
  }
  const ours = INSTRUCTION_SETS.flatMap((isa) => keysOf(isa, reasonNames(isa).keys()));
  for (const key of [...ours, ...keysOf("userspace", USERSPACE_REASONS.keys())])
    if (!inHeaders.has(key)) wrong.push(`test/data/exit_reasons.tsv has no row for ${key}`);
  assert.ok(rows.length > 300);
  assert.deepEqual(wrong, []);
});

test("what only the running kernel names is named as it does, also in filters", () => {
  const symbols = (expression: string, entries: string) => `__print_symbolic(${expression}, ${entries})`;
  const x86 = [
    symbols("REC->exit_reason & 0xffff", '{ 12, "halt" }, { 99, "BRAND_NEW" }'),
    symbols("REC->exit_reason", '{ 0x040 + 2, "NM-I excp" }, { 0x9000ull, "later" }, { -9ull, "odd" }'),
  ].join(" : ");
  const arm64 = [
    symbols("REC->ret", '{0, "IRQ" }, {2, "TRAP" }, {7, "SEVEN" }'),
    symbols("REC->esr_ec", '{ (((0x16UL))), "HVC" }, { (0x3e), "NEXT" }'),
  ].join(", ");
  try {
    learnReasons(`print fmt: "reason %s", (REC->isa == 1) ? ${x86}, REC->guest_rip`);
    assert.equal(reasonName("vmx", 99), "BRAND_NEW");
    assert.equal(reasonName("vmx", 0x80000063), "BRAND_NEW FAILED_VMENTRY");
    assert.equal(reasonName("vmx", 12), "HLT", "ours come first");
    assert.equal(reasonName("svm", 0x42), "NM_I_EXCP");
    assert.equal(reasonName("svm", 0x9000), "LATER");
    assert.equal(reasonName("svm", -9), "ODD");
    assert.equal(reasonName("svm", 99 + 0x5000), undefined);
    assert.deepEqual([...parseReasons("svm", "later,ODD,0x9000")], [0x9000, -9]);
    learnReasons(`print fmt: "%s: HSR_EC: 0x%04x (%s)", ${arm64}, REC->vcpu_pc`);
    assert.equal(reasonName("svm", 0x9000), undefined);
    assert.equal(reasonName("arm64", 0x216), "TRAP HVC64");
    assert.equal(reasonName("arm64", 0x23e), "TRAP NEXT");
    assert.equal(reasonName("arm64", 0x700), "SEVEN");
    assert.deepEqual([...parseReasons("arm64", "trap next,serror")], [0x23e, 0x100]);
  } finally {
    learnReasons("");
  }
  assert.equal(reasonName("vmx", 99), undefined);
});

test("kvm-bpf-tools' names of reasons are known", () => {
  // Its table of VMX's, where it differs from the kernel's.
  assert.deepEqual(
    [...parseReasons("vmx", "EXCEPTION_OR_NMI,EXTERNAL_INT,MOV_CR,MOV_DR,RDMSR,WRMSR")],
    [0, 1, 28, 29, 31, 32],
  );
});
