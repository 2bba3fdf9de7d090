// SPDX-License-Identifier: MIT
// The checks before a trace, on machines made up in a folder.
import assert from "node:assert/strict";
import test from "node:test";
import { ToolError } from "../../src/errors";
import { findings } from "../../src/host/findings";
import { COUNTING, REPORTING, TRACING, preflight } from "../../src/host/preflight";
import { COMPLETE, type Files, onMachine } from "./made-up";

/** What a machine without something is told, in one line. */
function refusal(files: Files, needs = COUNTING, arch = "x64"): string {
  let message = "";
  assert.throws(
    () => onMachine({ ...COMPLETE, ...files }, (machine) => preflight(machine, needs), arch),
    (error) => error instanceof ToolError && !(message = error.message).includes("\n"),
  );
  return message;
}

test("a complete machine passes, and its instruction set is known", () => {
  const isa = (files: Files, arch?: string) =>
    onMachine({ ...COMPLETE, ...files }, (machine) => preflight(machine), arch);
  assert.equal(isa({}), "vmx");
  assert.equal(isa({}, "arm64"), "arm64");
  assert.equal(isa({}, "riscv64"), "riscv64");
  const EVENTS = "/sys/kernel/tracing/events";
  const noExit = { [`${EVENTS}/kvm/kvm_exit/format`]: undefined };
  assert.equal(isa({ ...noExit, [`${EVENTS}/kvm_hv/kvm_guest_exit/format`]: "" }, "ppc64"), "ppc64");
  assert.equal(
    isa({ "/sys/module/kvm_intel/initstate": undefined, "/sys/module/kvm_amd/initstate": "" }),
    "svm",
  );
});

for (const [enough, status] of [
  ["CAP_SYS_ADMIN with CAP_DAC_READ_SEARCH", "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000200004\n"],
  ["root's CAP_SYS_ADMIN", "Uid:\t0\t0\t0\t0\nCapEff:\t0000000000200000\n"],
] as const)
  test(`${enough} is enough`, () => {
    const files = { ...COMPLETE, "/proc/self/status": status };
    assert.equal(
      onMachine(files, (machine) => preflight(machine)),
      "vmx",
    );
  });

for (const [lacking, path, content, expected] of [
  [
    "capabilities",
    "/proc/self/status",
    "CapEff:\t0000000000000000\n",
    /needs root, or CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH \(to read tracefs\); run it with sudo$/,
  ],
  [
    "the right to read tracefs",
    "/proc/self/status",
    "CapEff:\t0000000000200000\n",
    /needs root, or CAP_DAC_READ_SEARCH \(to read tracefs\); run it with sudo$/,
  ],
  [
    "CAP_SYS_ADMIN",
    "/proc/self/status",
    "CapEff:\t000000c000000004\n",
    /needs root, or CAP_SYS_ADMIN; run it with sudo$/,
  ],
  [
    "root's CAP_SYS_ADMIN",
    "/proc/self/status",
    "Uid:\t0\t0\t0\t0\nCapEff:\t000000c000000004\n",
    /needs CAP_SYS_ADMIN, which root lacks here; .* --cap-add SYS_ADMIN$/,
  ],
  ["/proc", "/proc/self/status", undefined, /mount -t proc proc/],
  ["/dev/kvm", "/dev/kvm", undefined, /there is no \/dev\/kvm; run: sudo mknod \/dev\/kvm c 10 232$/],
  ["BTF", "/sys/kernel/btf/vmlinux", undefined, /CONFIG_DEBUG_INFO_BTF=y/],
  ["BPF", "/proc/sys/kernel/unprivileged_bpf_disabled", undefined, /CONFIG_BPF_SYSCALL=y/],
  [
    "leave to read kernel memory",
    "/sys/kernel/security/lockdown",
    "none integrity [confidentiality]\n",
    /lockdown/,
  ],
] as const)
  test(`a machine without ${lacking} is told so`, () => {
    assert.match(refusal({ [path]: content }), expected);
  });

// Without KVM's module, neither the module's folder nor the device is there.
const NO_KVM: Files = { "/sys/module/kvm_intel/initstate": undefined, "/sys/class/misc/kvm/dev": undefined };

for (const [cpuinfo, expected] of [
  ["vendor_id\t: GenuineIntel\n", /^KVM is not loaded; run: sudo modprobe kvm_intel$/],
  ["vendor_id\t: AuthenticAMD\n", /^KVM is not loaded; run: sudo modprobe kvm_amd$/],
  ["vendor_id\t: HygonGenuine\nflags\t: fpu svm\n", /run: sudo modprobe kvm_amd$/],
  ["vendor_id\t:   Shanghai  \nflags\t: fpu vmx\n", /run: sudo modprobe kvm_intel$/],
  ["vendor_id\t: Other\n", /run: sudo modprobe kvm_intel \|\| sudo modprobe kvm_amd$/],
  [
    "vendor_id\t: GenuineIntel\nflags\t: fpu est\n",
    /neither VMX nor SVM; enable virtualisation in the firmware/,
  ],
] as const)
  test(`without KVM's module, a host of ${JSON.stringify(cpuinfo)} is told what helps there`, () => {
    assert.match(refusal({ ...NO_KVM, "/proc/cpuinfo": cpuinfo }), expected);
  });

test("a device that isn't registered needs more than its node", () => {
  const without = { "/dev/kvm": undefined, "/sys/class/misc/kvm/dev": undefined };
  assert.match(
    refusal(without),
    /^there is no \/dev\/kvm; enable virtualisation in the firmware .* reload KVM's module/,
  );
});

const NO_TRACEFS: Files = {
  "/sys/kernel/tracing/events/kvm/kvm_exit/format": undefined,
  "/proc/self/mountinfo": "22 28 0:21 / /proc rw - proc proc rw\n",
};

test("tracefs is unmounted, empty, or not in the kernel", () => {
  assert.match(
    refusal(NO_TRACEFS),
    /^tracefs is not mounted; run: sudo mount -t tracefs tracefs \/sys\/kernel\/tracing$/,
  );
  assert.match(
    refusal({ ...NO_TRACEFS, "/proc/filesystems": "nodev\tsysfs\n" }),
    /no tracefs; .*CONFIG_FTRACE$/,
  );
  const mounted = { ...NO_TRACEFS, "/proc/self/mountinfo": COMPLETE["/proc/self/mountinfo"] };
  assert.match(
    refusal(mounted),
    /^tracefs, at \/sys\/kernel\/tracing, is empty; see whether the kernel is locked down/,
  );
  assert.match(
    refusal({ ...mounted, "/sys/kernel/security/lockdown": "[none] integrity\n" }),
    /is empty; use a kernel/,
  );
});

test("lockdown is told of before tracefs, which it empties", () => {
  const locked = { ...NO_TRACEFS, "/sys/kernel/security/lockdown": "none integrity [confidentiality]\n" };
  assert.match(refusal(locked), /^kernel lockdown in confidentiality mode .*; boot with lockdown=integrity$/);
});

const NO_TRACEPOINT: Files = {
  "/sys/kernel/tracing/events/kvm/kvm_exit/format": undefined,
  "/sys/kernel/tracing/events/sched/enable": "",
};

test("a kernel without the tracepoint is told so", () => {
  assert.match(refusal(NO_TRACEPOINT), /^this kernel has no tracepoint kvm:kvm_exit; use one built/);
});

test("KVM of another vendor is traced by its tracepoint, or told that it has none", () => {
  const pvm = { ...NO_KVM, "/sys/class/misc/kvm/dev": "10:232\n", "/sys/module/kvm/holders/kvm_pvm/x": "" };
  const state = onMachine({ ...COMPLETE, ...pvm }, (machine) => [...findings(machine, ["kvm"])]);
  assert.equal(state[0]?.state, "limited");
  assert.match(state[0].meaning, /^KVM is driven by kvm_pvm, .* shown by their numbers$/);
  assert.equal(
    onMachine({ ...COMPLETE, ...pvm }, (machine) => preflight(machine)),
    "vmx",
  );
  assert.match(
    refusal({ ...pvm, ...NO_TRACEPOINT }),
    /^kvm_pvm, which drives KVM here, has no tracepoint .*; use kvm-stat -d/,
  );
});

for (const [arch, expected] of [
  [
    "s390x",
    /^exits can be traced on x86-64, arm64, riscv64 and ppc64le, not on s390x, for which there are no programs; use "perf kvm stat"/,
  ],
  ["loong64", /not on loong64, .*; recordings of other hosts can be read$/],
  ["ia32", /^this Node is built for ia32.*; use a 64-bit Node$/],
] as const)
  test(`${arch} is told what is supported`, () => {
    assert.match(refusal({ "/proc/self/status": "CapEff:\t0\n" }, COUNTING, arch), expected);
  });

for (const [release, btf, needs, expected] of [
  [
    "5.4.0-42-generic",
    "",
    TRACING,
    /^this kernel, 5\.4\.0-42-generic, has no BPF arrays that can be mapped, which hold the counters; use Linux 5\.5 or later$/,
  ],
  [
    "5.4.0",
    "\0array_map_mmap\0",
    COUNTING,
    /no task_struct\.start_boottime, which .*; use Linux 5\.5 or later$/,
  ],
  ["5.7.1", "", REPORTING, /no BPF ring buffers, which report slow exits; use Linux 5\.8 or later$/],
] as const)
  test(`Linux ${release} lacks what newer ones have, and is told so by the tools that need it`, () => {
    assert.match(
      refusal({ "/proc/sys/kernel/osrelease": release, "/sys/kernel/btf/vmlinux": btf }, needs),
      expected,
    );
  });

test("a kernel that has what it needs passes, whatever its version says", () => {
  const passes = (release: string, btf: string, needs = REPORTING) =>
    onMachine(
      { ...COMPLETE, "/proc/sys/kernel/osrelease": release, "/sys/kernel/btf/vmlinux": btf },
      (machine) => preflight(machine, needs),
    );
  passes("4.18.0-305.el8.x86_64", "\0array_map_mmap\0start_boottime\0BPF_MAP_TYPE_RINGBUF\0");
  passes("5.7.1", "", COUNTING);
  passes("5.8.0", "");
  passes("6.12", "");
  passes("10.0.1", "");
});

test("each finding reads well by itself: a meaning, and a mend where one is needed", () => {
  for (const files of [COMPLETE, {}, { ...COMPLETE, ...NO_KVM, ...NO_TRACEFS }])
    for (const { what, state, meaning, mend } of onMachine(files, (machine) => [...findings(machine)])) {
      assert.match(meaning, /^\S.*[^.;\s]$/, what);
      assert.equal(mend === undefined, state === "good", what);
    }
});

test("a finding is made only when it is asked for", () => {
  onMachine({}, (machine) => {
    const [first] = findings(machine, ["privileges", "proc"]);
    assert.deepEqual(first, {
      what: "proc",
      state: "bad",
      meaning: "/proc is not mounted",
      mend: "run: sudo mount -t proc proc /proc",
    });
  });
});
