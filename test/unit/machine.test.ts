// SPDX-License-Identifier: MIT
// What a host is, on machines made up in a folder.
import assert from "node:assert/strict";
import test from "node:test";
import type { Machine } from "../../src/host/machine";
import { parseMounts } from "../../src/host/mounts";
import { COMPLETE, type Files, onMachine } from "./made-up";

const on = <T>(files: Files, look: (machine: Machine) => T) => onMachine({ ...COMPLETE, ...files }, look);

const BUILT_IN: Files = {
  "/sys/module/kvm_intel/initstate": undefined,
  "/sys/module/kvm_intel/parameters/nested": "Y\n",
  "/sys/module/kvm_amd/parameters/nested": "1\n",
};
const cpu = (text: string): Files => ({ "/proc/cpuinfo": text });

for (const [what, files, expected] of [
  ["a loaded module", {}, "kvm_intel vmx"],
  ["both vendors built in, on Intel's", BUILT_IN, "kvm_intel vmx"],
  [
    "both vendors built in, on AMD's",
    { ...BUILT_IN, ...cpu("vendor_id\t: AuthenticAMD\nflags\t: svm\n") },
    "kvm_amd svm",
  ],
  [
    "both built in, by the vendor alone",
    { ...BUILT_IN, ...cpu("vendor_id\t: GenuineIntel\n") },
    "kvm_intel vmx",
  ],
  [
    "both built in, one of them loaded",
    { ...BUILT_IN, "/sys/module/kvm_amd/initstate": "live" },
    "kvm_amd svm",
  ],
  [
    "both built in, with /proc/cpuinfo hidden",
    {
      ...BUILT_IN,
      ...{ "/proc/cpuinfo": undefined },
      "/sys/devices/system/cpu/modalias": "cpu:type:x86,ven0000fam0006mod003C:feature:,0000,0085,00C0\n",
    },
    "kvm_intel vmx",
  ],
  [
    "both built in, with /proc/cpuinfo hidden, on AMD's",
    {
      ...BUILT_IN,
      ...{ "/proc/cpuinfo": undefined },
      "/sys/devices/system/cpu/modalias": "cpu:type:x86,ven0002fam0017mod0031:feature:,0000,0080,00C2\n",
    },
    "kvm_amd svm",
  ],
  [
    "only the other vendor's built in",
    {
      ...BUILT_IN,
      "/sys/module/kvm_intel/parameters/nested": undefined,
      "/sys/class/misc/kvm/dev": undefined,
    },
    "none",
  ],
  [
    "both built in, on a processor without virtualisation",
    {
      ...BUILT_IN,
      ...cpu("vendor_id\t: GenuineIntel\nflags\t: fpu\n"),
      "/sys/class/misc/kvm/dev": undefined,
    },
    "none",
  ],
  [
    "another vendor's module beside one that is built in",
    {
      ...BUILT_IN,
      ...cpu("flags\t: fpu\n"),
      "/sys/module/kvm/holders/kvm_pvm/x": "",
      "/sys/module/kvm/holders/vfio/x": "",
    },
    "kvm_pvm vmx, foreign",
  ],
  [
    "a device without a module that is known",
    {
      ...BUILT_IN,
      "/sys/module/kvm_intel/parameters/nested": undefined,
      "/sys/module/kvm_amd/parameters/nested": undefined,
    },
    "kvm vmx, foreign",
  ],
] as const)
  test(`KVM is known by ${what}`, () => {
    const kvm = on(files, (machine) => machine.kvm);
    assert.equal(kvm ? `${kvm.module} ${kvm.isa}${kvm.isKnown ? "" : ", foreign"}` : "none", expected);
  });

test("only the first processor is read", () => {
  const flags = on(
    cpu(`vendor_id\t: AuthenticAMD\nmodel name\t: EPYC\nflags\t: svm\n\nvendor_id\t: X\n`),
    (machine) => machine.processor,
  );
  assert.deepEqual(flags, { vendor: "AuthenticAMD", model: "EPYC", virtualisation: "svm" });
});

const mounts = (...lines: string[]): Files => ({
  "/proc/self/mountinfo": lines.map((line) => `${line}\n`).join(""),
});
const EVENTS = "/events/kvm/kvm_exit/format";
const elsewhere = (folder: string): Files => ({
  [`/sys/kernel/tracing${EVENTS}`]: undefined,
  [`${folder}${EVENTS}`]: "print fmt",
});

for (const [what, files, expected] of [
  ["where it belongs", {}, "/sys/kernel/tracing"],
  [
    "elsewhere",
    { ...mounts("1 2 0:1 / /my\\040traces rw - tracefs none rw"), ...elsewhere("/my traces") },
    "/my traces",
  ],
  [
    "within debugfs",
    { ...mounts("1 2 0:1 / /d rw - debugfs none rw"), ...elsewhere("/d/tracing") },
    "/d/tracing",
  ],
  [
    "without a list of mounts",
    { ...mounts(), ...elsewhere("/sys/kernel/debug/tracing") },
    "/sys/kernel/debug/tracing",
  ],
  [
    "under a tmpfs, which hides it",
    {
      ...mounts(
        "1 2 0:1 / /sys/kernel/tracing rw - tracefs none rw",
        "3 1 0:2 / /sys/kernel/tracing rw - tmpfs none rw",
      ),
      ...elsewhere("/none"),
    },
    undefined,
  ],
  [
    "a part of it, bound",
    { ...mounts("1 2 0:1 /events /t rw - tracefs none rw"), ...elsewhere("/none") },
    undefined,
  ],
  ["closed, or empty", { ...mounts("1 2 0:1 / /t rw - tracefs none rw"), ...elsewhere("/none") }, "/t"],
] as const)
  test(`tracefs ${what}`, () => {
    assert.equal(
      on(files, (machine) => machine.tracefs),
      expected,
    );
  });

test("formats are found where tracefs is, and are undefined where there are none", () => {
  on({ ...mounts("1 2 0:1 / /t rw - tracefs none rw"), ...elsewhere("/t") }, (machine) => {
    assert.equal(machine.formatOf("kvm_exit"), "print fmt");
    assert.equal(machine.formatOf("kvm_entry"), undefined);
    assert.equal(machine.hasTracepoint("kvm_exit"), true);
    assert.equal(machine.hasTracepoint("kvm_entry"), false);
  });
});

test("what /proc hides is read from its mount", () => {
  const hidden = (options: string) =>
    on(mounts(`22 28 0:21 / /proc rw,relatime - proc proc ${options}`), (machine) => machine.hiddenByProc);
  assert.deepEqual(hidden("rw"), { processes: false, rest: false });
  assert.deepEqual(hidden("rw,hidepid=0"), { processes: false, rest: false });
  assert.deepEqual(hidden("rw,hidepid=invisible"), { processes: true, rest: false });
  assert.deepEqual(hidden("rw,gid=27,hidepid=2,subset=pid"), { processes: true, rest: true });
});

test("mounts are known by their type, whatever their device is called", () => {
  const [mount, ...others] = parseMounts([
    "36 35 0:7 / /sys/kernel/my\\040debug rw,noatime master:1 shared:2 - debugfs none rw,mode=700",
    "broken",
    "",
  ]);
  assert.deepEqual(mount, { path: "/sys/kernel/my debug", type: "debugfs", options: ["rw", "mode=700"] });
  assert.deepEqual(others, []);
});

test("lockdown is told from no lockdown, and from not being shown", () => {
  const lockdown = (files: Files) => on(files, (machine) => machine.lockdown);
  assert.equal(
    lockdown({ "/sys/kernel/security/lockdown": "none [integrity] confidentiality\n" }),
    "integrity",
  );
  assert.equal(lockdown({ "/sys/kernel/security/lsm": "capability" }), "absent");
  assert.equal(lockdown({}), undefined);
});

test("a fact is looked for once", () => {
  on({}, (machine) => {
    assert.equal(machine.kvm, machine.kvm);
    assert.equal(machine.mounts, machine.mounts);
  });
});
