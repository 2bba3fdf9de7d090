// SPDX-License-Identifier: MIT
// What exits were about, in words: one test for each kind.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import Ajv from "ajv";
import { detailNumber, detailText, exitDetail } from "../../src/details";
import { apicRegister } from "../../src/details/apic";
import { addressName, x86Fault } from "../../src/details/memory";
import { msrName } from "../../src/details/msr";
import { readDetail } from "../../src/details/read";
import { INSTRUCTION_SETS, reasonNames } from "../../src/reasons";
import { PROJECT } from "../tools";

const text = (isa: string, reason: number, raw: bigint) => detailText(exitDetail(isa, reason, raw));

const WRITE = 1n << 57n;
const PAGE = 1n << 59n;
const FETCH = 1n << 60n;

test("MSRs have their manuals' names, and those of hypervisors", () => {
  assert.equal(text("svm", 0x7c, 0x6e0n | (1n << 32n)), "write IA32_TSC_DEADLINE (0x6e0)");
  assert.equal(text("vmx", 31, 0x277n), "read IA32_PAT (0x277)");
  assert.equal(text("vmx", 85, 0x830n), "write x2APIC ICR (0x830)");
  assert.equal(text("vmx", 84, 0x12345n), "read MSR 0x12345");
  assert.equal(msrName(0x4b564d03), "KVM_STEAL_TIME");
  assert.equal(msrName(0x400000b3), "HV_STIMER1_COUNT");
  assert.equal(msrName(0x203), "IA32_MTRR_PHYSMASK1");
  assert.equal(msrName(0x40a), "IA32_MC2_ADDR");
  assert.equal(msrName(0xc0002027), undefined);
});

test("ports have the names of what a PC has there; SVM and VMX tell size and direction in different bits", () => {
  assert.equal(text("svm", 0x7b, 0x3f8_0010n), "out 0x3f8 1 byte (COM1)");
  assert.equal(text("svm", 0x7b, 0xcfc_0045n), "in 0xcfc 4 bytes string (PCI configuration data)");
  assert.equal(text("vmx", 30, 0x60_0008n), "in 0x60 1 byte (keyboard data)");
  assert.equal(text("vmx", 30, 0x1234_0013n), "out 0x1234 4 bytes string");
});

test("memory by pages is a range, MMIO an exact address; registers of the local APIC have names", () => {
  assert.equal(text("svm", 0x400, 0xfee000b0n | WRITE), "write 0xfee000b0 (local APIC: EOI)");
  assert.equal(text("svm", 0x400, 0x100000n | PAGE | FETCH), "fetch 0x100000-0x100fff");
  assert.equal(text("vmx", 48, 0xfed00000n | PAGE), "read 0xfed00000-0xfed00fff (HPET)");
  assert.equal(text("vmx", 49, 0xfec00010n), "0xfec00010 (I/O APIC)");
  assert.equal(addressName(0xfee00310), "local APIC: ICR high");
  assert.equal(apicRegister(0x125), "ISR2");
  assert.deepEqual(x86Fault(0x12_3456n, 0x1an), {
    kind: "memory",
    access: "fetch",
    address: 0x123456,
    bytes: 1,
  });
  assert.deepEqual(x86Fault(0x12_3456n, 2n), {
    kind: "memory",
    access: "write",
    address: 0x123000,
    bytes: 4096,
  });
});

test("leaves of CPUID have subleaves where the answer depends on them", () => {
  assert.equal(text("svm", 0x72, 0x40000000n), "leaf 0x40000000 (hypervisor)");
  assert.equal(text("vmx", 10, 0x7n | (1n << 32n)), "leaf 0x7 subleaf 0x1 (extended features)");
  assert.equal(text("vmx", 10, 0x1n | (9n << 32n)), "leaf 0x1 (features)");
  assert.equal(text("vmx", 10, 0x1234567n), "leaf 0x1234567");
  assert.equal(text("svm", 0x72, 0x40001300n), "leaf 0x40000200 (to 0x4000ffff: search for a hypervisor)");
});

test("hypercalls have their interface's names", () => {
  assert.equal(text("vmx", 18, 10n), "KVM_HC_SEND_IPI (10)");
  assert.equal(text("svm", 0x81, (1n << 56n) | 0x5cn), "HvPostMessage (0x5c)");
  assert.equal(text("svm", 0x81, (2n << 56n) | 29n), "Xen sched_op (29)");
  assert.equal(text("svm", 0x81, (2n << 56n) | 99n), "hypercall 99 (Xen)");
  assert.equal(text("svm", 0x81, 0xfffffc18n), "hypercall 0xfffffc18 (KVM)");
  assert.equal(text("arm64", 0x216, 0x84000000n), "PSCI_VERSION (0x84000000)");
});

test("registers, the local APIC, AVIC", () => {
  assert.equal(text("vmx", 28, 0x04n), "write CR4");
  assert.equal(text("vmx", 28, 0x13n), "read CR3");
  assert.equal(text("vmx", 28, 0x20n), "CLTS");
  assert.equal(text("vmx", 29, 0x17n), "read DR7");
  assert.equal(text("vmx", 44, 0x1300n), "write ICR low (0x300)");
  assert.equal(text("vmx", 56, 0xb0n), "write EOI (0xb0)");
  assert.equal(text("svm", 0x402, (1n << 32n) | 0xd0n), "write LDR (0xd0)");
  assert.equal(text("svm", 0x401, 1n), "IPI: target not running");
  assert.equal(text("svm", 0x401, 17n), "IPI: failure 17");
});

test("a guest of SEV-ES gives the reason itself, and what that is about", () => {
  const ghcb = (reason: bigint, value = 0n) => (reason << 48n) | value;
  const SOFTWARE = 1n << 60n;
  assert.equal(text("svm", 0x403, ghcb(0x7bn, 0x3f8_0010n)), "out 0x3f8 1 byte (COM1)");
  assert.equal(text("svm", 0x403, ghcb(0x7cn, 0x277n) | (1n << 61n)), "write IA32_PAT (0x277)");
  assert.equal(
    text("svm", 0x403, ghcb(2n, 0xfee00300n) | SOFTWARE),
    "write 0xfee00300 (local APIC: ICR low)",
  );
  assert.equal(text("svm", 0x403, ghcb(0x72n)), "CPUID (0x72)");
  assert.equal(text("svm", 0x403, ghcb(0x10n) | SOFTWARE), "page state change (0x80000010)");
  assert.equal(text("svm", 0x403, ghcb(0x123n) | SOFTWARE), "VMGEXIT 0x80000123");
});

test("vectors of exceptions have names, those of interrupts numbers", () => {
  assert.equal(text("vmx", 0, 14n), "#PF (14)");
  assert.equal(text("vmx", 0, 99n), "exception 99");
  assert.equal(text("vmx", 1, 0xecn), "vector 0xec");
  assert.equal(text("vmx", 45, 0x31n), "vector 0x31");
});

test("exits to the VMM: ports, addresses, MSRs, hypercalls, what happens to the whole VM", () => {
  assert.equal(text("kvm_run", 2, 0x3f8_0010n), "out 0x3f8 1 byte (COM1)");
  assert.equal(text("kvm_run", 3, 12n), "KVM_HC_MAP_GPA_RANGE (12)");
  assert.equal(text("kvm_run", 6, 0xd0000n), "read 0xd0000 (option ROMs)");
  assert.equal(text("kvm_run", 24, 2n), "RESET (2)");
  assert.equal(text("kvm_run", 24, 99n), "event 99");
  assert.equal(text("kvm_run", 30, 0x277n | (1n << 32n)), "write IA32_PAT (0x277)");
  assert.equal(text("kvm_run", 5, 1n), "");
});

test("riscv64: calls of the SBI, CSRs by name, waits, addresses", () => {
  const instruction = (csr: bigint, operation: bigint, source = 0n) =>
    (csr << 20n) | (operation << 12n) | (source << 15n);
  assert.equal(text("riscv64", 10, (0x54494d45n << 24n) | 0n), "SBI TIME set_timer");
  assert.equal(text("riscv64", 10, (0x52464e43n << 24n) | 1n), "SBI RFENCE sfence_vma");
  assert.equal(text("riscv64", 10, (0x10n << 24n) | 9n), "SBI BASE function 9");
  assert.equal(text("riscv64", 10, 1n << 24n), "SBI legacy console_putchar");
  assert.equal(text("riscv64", 10, (0x8000000n << 24n) | 7n), "SBI 0x8000000 function 7");
  assert.equal(text("riscv64", 22, instruction(0xc00n, 2n)), "read cycle");
  assert.equal(text("riscv64", 22, instruction(0xc05n, 2n)), "read hpmcounter5");
  assert.equal(text("riscv64", 22, instruction(0x180n, 1n)), "write satp");
  assert.equal(text("riscv64", 22, instruction(0x5a8n, 6n, 1n)), "write csr_0x5a8");
  assert.equal(text("riscv64", 22, instruction(0x105n, 0n)), "WFI");
  assert.equal(text("riscv64", 22, instruction(0x01dn, 0n)), "WRS");
  assert.equal(text("riscv64", 21, 0x10000005n), "read 0x10000005");
  assert.equal(text("riscv64", 20, 0x80000000n | PAGE | FETCH), "fetch 0x80000000-0x80000fff");
});

test("ppc64: PAPR's hypercalls, addresses", () => {
  assert.equal(text("ppc64", 0xc00, 0xe0n), "H_CEDE (0xe0)");
  assert.equal(text("ppc64", 0xc00, 0xf0f0n), "hypercall 0xf0f0 (PAPR)");
  assert.equal(text("ppc64", 0xe00, 0x50000000n | WRITE), "write 0x50000000");
});

test("arm64: system registers by name, waits", () => {
  // op0 3, op1 3, CRn 14, CRm 0, op2 2; bit 0: read
  const cntvct = (3n << 20n) | (2n << 17n) | (3n << 14n) | (14n << 10n) | 1n;
  assert.equal(text("arm64", 0x218, cntvct), "read CNTVCT_EL0");
  assert.equal(text("arm64", 0x218, (3n << 20n) | (15n << 10n) | (2n << 1n)), "write S3_0_C15_C2_0");
  assert.equal(text("arm64", 0x201, 1n), "WFE");
  assert.equal(text("arm64", 0x224, 0x50000n | PAGE | WRITE), "write 0x50000-0x50fff");
});

test("what has no detail has no words; a detail's number is what users name it by", () => {
  assert.equal(exitDetail("svm", 0x78, 5n), undefined);
  assert.equal(exitDetail("svm", 0x7c, undefined), undefined);
  assert.equal(exitDetail("isa9", 1, 5n), undefined);
  assert.equal(detailText(undefined), "");
  const number = (isa: string, reason: number, raw: bigint) => {
    const detail = exitDetail(isa, reason, raw);
    return detail && detailNumber(detail);
  };
  assert.equal(number("svm", 0x7c, 0x6e0n | (1n << 32n)), 0x6e0);
  assert.equal(number("svm", 0x7b, 0x3f8_0010n), 0x3f8);
  assert.equal(number("svm", 0x400, 0xf_ffff_fee0_00b0n | WRITE), 0xf_ffff_fee0_00b0);
  assert.equal(number("vmx", 28, 4n), undefined);
});

test("the schema of JSON has each kind of detail, and each is read back", () => {
  const schema = JSON.parse(readFileSync(join(PROJECT, "docs", "kvm-vmexit.schema.json"), "utf8")) as object;
  const validate = new Ajv({ allowUnionTypes: true, formats: { "date-time": true } })
    .addSchema(schema, "lines")
    .getSchema("lines#/definitions/detail");
  assert.ok(validate);
  const kinds = new Set<string>();
  for (const isa of [...INSTRUCTION_SETS, "kvm_run"] as const)
    for (const [reason, name] of reasonNames(isa))
      for (const raw of [0n, 1n, 0xffffffffn, WRITE, PAGE, FETCH]) {
        const detail = exitDetail(isa, reason, raw);
        if (!detail) continue;
        kinds.add(detail.kind);
        const written = JSON.parse(JSON.stringify(detail)) as object;
        assert.deepEqual(JSON.parse(JSON.stringify(readDetail(written))), written);
        const wrong = `docs/kvm-vmexit.schema.json: definitions.detail doesn't describe ${name}'s ${JSON.stringify(detail)}`;
        assert.ok(validate(written), wrong);
      }
  assert.equal(kinds.size, 14, "a new kind of detail has a test of its words above; then count it here");
});
