// SPDX-License-Identifier: MIT
// --details on any machine: what the guests' exits were about, exactly as they did it.
import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import { ISA, ONLY, TELLING } from "../lab/machine";
import { PROJECT, run } from "../tools";
import { exitsOf } from "./output";

const guest = (program: string, options: string) => `${join(PROJECT, "build", "lab", program)} ${options}`;

const X86 = {
  command: [
    "--cpuid 23 --leaf 1 --rdmsr 41 --wrmsr 43 --out 11 --in 13 --hypercall 5 --call 10",
    "--cpuid 3 --leaf 7 --subleaf 1 --rdmsr 29 --msr 27 --out 17 --in 19 --port 97 --hypercall 2 --call 99",
  ].map((options) => guest("guest", options)),
  rows: {
    "leaf 0x1 (features)": 23,
    "leaf 0x7 subleaf 0x1 (extended features)": 3,
    "read IA32_PAT (0x277)": 41,
    "write IA32_PAT (0x277)": 43,
    "read IA32_APIC_BASE (0x1b)": 29,
    "out 0x3f8 1 byte (COM1)": 11,
    "in 0x3f8 1 byte (COM1)": 13,
    "out 0x61 1 byte (system control B: speaker, PIT gate)": 17,
    "in 0x61 1 byte (system control B: speaker, PIT gate)": 19,
    "out 0xf4 1 byte (ISA debug exit)": 2,
    "KVM_HC_SEND_IPI (10)": 5,
    "hypercall 99 (KVM)": 2,
  },
};
/** What guests do, and how often each detail happens by it; of memory and interrupts only what they promise is here. */
const only = ONLY[ISA];
const { command, rows } = only ? { command: [only.command.join(" ")], rows: only.details } : X86;

for (const attach of TELLING)
  test(`${attach}: each detail has its number, and the details of a reason sum to it`, () => {
    const { status, stdout, stderr } = run(
      "kvm-vmexit-count",
      ...["--attach", attach, "--details", "--json", "--", "sh", "-c", command.join(" && ")],
    );
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /Lost/);
    const told = new Map<string, number>();
    for (const { name, count, details } of exitsOf(stdout)) {
      if (!details) continue;
      for (const detail of details) told.set(detail.text, detail.count.total);
      assert.equal(
        details.reduce((sum, detail) => sum + detail.count.total, 0),
        count.total,
        name,
      );
    }
    for (const [text, count] of Object.entries(rows)) assert.equal(told.get(text), count, text);
    assert.equal(told.get("unknown"), undefined);
    assert.equal(told.get("others"), undefined);
  });
