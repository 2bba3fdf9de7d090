// SPDX-License-Identifier: MIT
// --by on a real KVM host, each tool: exact prime counts of several VMs and vCPUs, that come and go while it traces.
import assert from "node:assert/strict";
import { mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { GUEST, run } from "../tools";
import { type Exits, type Line, jsonLines } from "./json";

const folder = mkdtempSync(join(tmpdir(), "vms-"));
const VMS = ["web1", "web2"] as const;
for (const name of VMS) symlinkSync(GUEST, join(folder, name));

// Two VMs called web1, one after the other, and one called web2 beside them.
const WEB1 = `${folder}/web1 --cpuid 101 --hlt 37 --rdmsr 41 --vcpus 2`;
const WEB2 = `${folder}/web2 --cpuid 53 --out 19 --wrmsr 43 --vcpus 3`;
const COMMAND = ["--", "sh", "-c", `(${WEB1}; ${WEB1}) & ${WEB2} & wait`];
// The write that ends a vCPU is one of IOIO, without a time.
const PROMISED = {
  web1: { CPUID: 101, HLT: 37, MSR: 41, IOIO: 1 },
  web2: { CPUID: 53, MSR: 43, IOIO: 19 + 1 },
};
const VCPUS = { web1: 2, web2: 3 };
const PROCESSES = { web1: 2, web2: 1 };

/** Counts of the promised reasons by group, `of` each row. */
function counts(lines: readonly Line[], of: (exits: Exits) => number): Map<string, Record<string, number>> {
  const groups = new Map<string, Record<string, number>>();
  for (const exits of lines.flatMap((line) => line.exits)) {
    const group = [exits.vm, exits.pid, exits.vcpu].join("/");
    const sums = groups.get(group) ?? {};
    groups.set(group, sums);
    if (exits.name in PROMISED.web1) sums[exits.name] = (sums[exits.name] ?? 0) + of(exits);
  }
  return groups;
}

/** Asserts that there are all groups, and that each has exactly what its VM promises. */
function assertGroups(lines: readonly Line[], by: "vm" | "vcpu"): void {
  for (const [unfinished, of] of [
    [0, (exits: Exits) => exits.count.total],
    [1, (exits: Exits) => (exits.timed as Exits["timed"] | undefined)?.total ?? exits.count.total],
  ] as const) {
    const groups = counts(lines, of);
    const timed = lines.some((line) => line.exits.some((exits) => "timed" in exits));
    for (const vm of VMS) {
      const mine = [...groups].filter(([key]) => key.startsWith(`${vm}/`));
      assert.equal(mine.length, PROCESSES[vm] * (by === "vm" ? 1 : VCPUS[vm]), [...groups.keys()].join(" "));
      const times = by === "vm" ? VCPUS[vm] : 1;
      const promised = Object.entries(PROMISED[vm]).map(([name, count]): [string, number] => [
        name,
        (count - (name === "IOIO" && timed ? unfinished : 0)) * times,
      ]);
      for (const [key, sums] of mine) assert.deepEqual(sums, Object.fromEntries(promised), key);
    }
  }
}

for (const by of ["vm", "vcpu"] as const)
  for (const tool of ["kvm-vmexit-count", "kvm-vmexit-time", "kvm-vmexit-hist"])
    test(`${tool} --by ${by}: each has its own exits, also when it has ended`, () => {
      const lines = jsonLines(run(tool, "--by", by, "--json", ...COMMAND));
      assertGroups(lines, by);
      if (tool !== "kvm-vmexit-hist") return;
      for (const { histogram, timed } of lines.flatMap((line) => line.exits))
        assert.equal(
          histogram.total.reduce((sum, [, , count]) => sum + count, 0),
          timed.total,
        );
    });

test("intervals sum up to the same, the rows of VMs that end in between included", () => {
  assertGroups(jsonLines(run("kvm-vmexit-time", "--by", "vcpu", "--json", "0.3", ...COMMAND)), "vcpu");
});

test("slower tells each exit's VM and vCPU", () => {
  const lines = jsonLines(run("kvm-vmexit-slower", "0", "--reasons", "CPUID,HLT", "--json", ...COMMAND));
  const sums = new Map<string, number>();
  for (const { slow } of lines)
    if (slow) {
      const key = `${slow.vm} ${slow.vcpu} ${slow.name}`;
      sums.set(key, (sums.get(key) ?? 0) + 1);
    }
  const promised = [0, 1].flatMap((vcpu) => [
    [`web1 ${vcpu} CPUID`, 202],
    [`web1 ${vcpu} HLT`, 74],
  ]);
  assert.deepEqual(
    [...sums].sort(),
    [...promised, ...[0, 1, 2].map((vcpu) => [`web2 ${vcpu} CPUID`, 53])].sort(),
  );
});

test("tables and histograms have titles: the VM, its pid and the vCPU", () => {
  const table = run("kvm-vmexit-time", "--by", "vcpu", "--vm", "web2", ...COMMAND).stdout;
  assert.deepEqual(
    [...table.matchAll(/^VM web2 \(\d+\), vCPU (\d)$[^]*?^ *114 CPUID +(\d+) /gm)].map(
      ([, ...found]) => found,
    ),
    [0, 1, 2].map((vcpu) => [String(vcpu), "53"]),
  );
  const histograms = run("kvm-vmexit-hist", "--by", "vm", "CPUID", ...COMMAND)
    .stdout.split(/^VM /m)
    .slice(1);
  const sums = histograms.map((text) => [
    text.split(" ")[0],
    [...text.matchAll(/ : (\d+) +\|/g)].reduce((sum, [, count]) => sum + Number(count), 0),
  ]);
  assert.deepEqual(sums, [
    ["web1", 202],
    ["web1", 202],
    ["web2", 159],
  ]);
});
