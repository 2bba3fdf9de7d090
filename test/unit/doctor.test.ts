// SPDX-License-Identifier: MIT
// What the doctor says, of machines made up in a folder.
import assert from "node:assert/strict";
import test from "node:test";
import { type Report, type Sources, diagnose } from "../../src/doctor";
import { ToolError } from "../../src/errors";
import { preflight } from "../../src/host/preflight";
import { vmProcesses } from "../../src/host/vm";
import { supportHere } from "../../src/native/support";
import { findingLines } from "../../src/render/findings";
import { TOOLS } from "../../tools/commands";
import { version } from "../../tools/lib/version";
import { COMPLETE, type Files, onMachine } from "./made-up";

const WIDTH = 80;
const KVM_AMD: Files = {
  ...COMPLETE,
  "/proc/cpuinfo": "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\nflags\t: svm npt\n",
  "/sys/module/kvm_intel/initstate": undefined,
  "/sys/module/kvm/initstate": "live\n",
  "/sys/module/kvm/parameters/halt_poll_ns": "200000\n",
  "/sys/module/kvm_amd/initstate": "live\n",
  "/sys/module/kvm_amd/parameters/nested": "1\n",
  "/sys/module/kvm_amd/parameters/npt": "N\n",
  "/sys/module/kvm_amd/parameters/avic": "Y\n",
  "/sys/module/kvm_amd/parameters/pause_filter_count": "0\n",
  "/sys/kernel/btf/kvm": "",
};

const SUPPORT = {
  addon: "1.2.3",
  place: "build/Release",
  libbpf: "v1.5",
  memory: { counts: 2 ** 20, details: 2 ** 21, histograms: 2 ** 22, split: 2 ** 23 },
};
const SOURCES: Sources = { support: () => SUPPORT, processes: () => ({ pids: [], isPartial: false }) };

const report = (files: Files, sources = SOURCES, arch?: string): Report =>
  onMachine(files, (machine) => diagnose(machine, sources), arch);

function finding({ findings }: Report, what: string): string {
  const found = findings.filter((each) => each.what === what);
  return found.map(({ state, meaning, mend }) => [state, meaning, mend].join("|")).join();
}

test("a complete host can run each tool, and its parameters are told", () => {
  const found = report({ ...KVM_AMD, "/sys/kernel/btf/kvm_amd": "" });
  assert.ok(found.isWell);
  for (const { word, hidden } of TOOLS)
    assert.ok(
      hidden || word === "doctor" || found.tools.some(({ tools }) => tools.includes(word)),
      `src/doctor/index.ts doesn't say what ${word} needs`,
    );
  assert.deepEqual(
    ["doctor", ...found.tools.flatMap(({ tools }) => tools)].sort(),
    TOOLS.filter(({ hidden }) => !hidden)
      .map(({ word }) => word)
      .sort(),
  );
  assert.match(found.tools[0]?.attach ?? "", /^directly/);
  assert.equal(finding(found, "processor"), "good|AMD EPYC with SVM|");
  assert.match(finding(found, "nested"), /^good\|guests may run guests/);
  assert.match(finding(found, "paging"), /^limited\|npt is off.*\|reload kvm_amd with npt=1/);
  assert.match(finding(found, "apic"), /^good\|avic is on/);
  assert.match(finding(found, "halt polling"), /poll for 200 us/);
  assert.match(finding(found, "pause exits"), /off \(pause_filter_count=0\)/);
  assert.match(finding(found, "modules' BTF"), /^good/);
  assert.equal(finding(found, "VMs"), "good|none runs|");
  assert.deepEqual(found.native, { addon: "1.2.3", libbpf: "v1.5" });
  assert.match(
    finding(found, "memory"),
    /take 1 MiB in the kernel, 2 MiB with --details; hist 4 MiB, split 8 MiB;/,
  );
});

test("why a tool attaches by payload is told", () => {
  const found = report(KVM_AMD, {
    ...SOURCES,
    support: () => ({ ...SUPPORT, obstacle: "the moon is full", rawObstacle: "the sun is up" }),
  });
  assert.match(finding(found, "modules' BTF"), /^limited\|kvm_amd has no BTF/);
  assert.equal(found.tools[0]?.attach, "by payload of KVM's tracepoints: the moon is full");
});

test("raw tracepoints are named where they alone tell the reason", () => {
  const { tools } = report(KVM_AMD, {
    ...SOURCES,
    support: () => ({ ...SUPPORT, obstacle: "the moon is full" }),
  });
  const of = (tool: string) => tools.find(({ tools }) => tools.includes(tool))?.attach ?? "";
  assert.match(of("count"), /^to KVM's raw tracepoints; by payload for vmm, .*: the moon is full$/);
  assert.match(of("stat"), /^to KVM's raw tracepoints, with reasons counted directly$/);
});

for (const [title, files, arch] of [
  ["without privileges", { "/proc/self/status": "CapEff:\t0000000000000000\n" }, "x64"],
  [
    "without KVM",
    { "/sys/module/kvm_intel/initstate": undefined, "/sys/class/misc/kvm/dev": undefined },
    "x64",
  ],
  ["without tracefs", { "/sys/kernel/tracing/events/kvm/kvm_exit/format": undefined }, "x64"],
  ["with a kernel of 2018", { "/proc/sys/kernel/osrelease": "4.19.0\n" }, "x64"],
  ["on another architecture", {}, "ppc64"],
] as const)
  test(`${title} the tools end with the words of the first bad finding`, () => {
    const all: Files = { ...COMPLETE, ...files };
    const found = report(all, SOURCES, arch);
    const bad = found.findings.find(({ state }) => state === "bad");
    assert.ok(bad?.mend);
    assert.ok(!found.isWell);
    assert.ok(found.tools[0]?.lacks.includes(bad.what));
    assert.throws(
      () => onMachine(all, (machine) => preflight(machine), arch),
      (error) => error instanceof ToolError && error.message === `${bad.meaning}; ${bad.mend ?? ""}`,
    );
  });

test("what isn't good has a mend, on any host, and all fits 80 columns", () => {
  const bare: Files = { "/proc/self/status": undefined };
  for (const files of [COMPLETE, KVM_AMD, bare])
    for (const arch of ["x64", "arm64", "riscv64", "ppc64", "s390x", "ia32"]) {
      const found = report(files, SOURCES, arch);
      for (const { what, state, mend } of found.findings)
        assert.equal(state === "good", mend === undefined, `${what} on ${arch}`);
      for (const line of findingLines(found)) assert.ok(line.length <= WIDTH, line);
      for (const line of findingLines(found, 40))
        assert.ok(line.length <= 40 || !line.trim().includes(" "), line);
    }
});

test("names of tools that don't fit their column go on in the next line", () => {
  const tools = [{ tools: ["slower", "than", "others"], attach: "directly", lacks: [] }];
  assert.deepEqual(findingLines({ findings: [], vms: [], tools, isWell: true }), [
    "good     slower, than,     attached directly",
    "         others",
  ]);
});

test("an addon that can't be loaded keeps each tool from running", () => {
  const support = () => {
    throw new ToolError("cannot load the native addon: no; build it with make");
  };
  const found = report(COMPLETE, { ...SOURCES, support });
  assert.equal(found.native, undefined);
  assert.equal(finding(found, "addon"), "bad|cannot load the native addon: no|build it with make");
  assert.ok(found.tools.every(({ lacks }) => lacks.includes("addon")));
});

test("the addon is of the tools' version, and says what a session takes", () => {
  const { addon, memory } = supportHere();
  assert.equal(addon, version());
  assert.ok(memory.counts < memory.histograms && memory.counts < memory.details);
});

test("VMs have the names that --vm takes, which are safe to print", () => {
  const files: Files = {
    ...COMPLETE,
    "/proc/42/stat": `42 (kvm) S${" 0".repeat(18)} 700 0\n`,
    "/proc/42/comm": "kvm\n",
    "/proc/42/cmdline": "qemu-system-x86_64\0-name\0web\x1b1\0",
  };
  const found = report(files, {
    ...SOURCES,
    processes: () => ({ pids: [42], isPartial: true }),
  });
  assert.deepEqual(
    found.vms.map(({ pid, name }) => [pid, name]),
    [[42, "web\x1b1"]],
  );
  assert.match(finding(found, "VMs"), /^unknown\|one runs .*\|run it with sudo/);
  assert.ok(findingLines(found).some((line) => line.endsWith("VM web\\x1b1 (42)")));
});

test("processes without a VM are none", () => {
  assert.ok(vmProcesses().pids.every((pid) => pid !== process.pid));
});
