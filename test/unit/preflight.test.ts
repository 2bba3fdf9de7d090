// The checks before a trace, on machines made up in a folder.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "node:test";
import { ToolError } from "../../src/errors";
import { preflight } from "../../src/host/preflight";

const ROOT_CAPABILITIES = "CapEff:\t000001ffffffffff\n";

const COMPLETE: Readonly<Record<string, string>> = {
  "/proc/self/status": ROOT_CAPABILITIES,
  "/proc/cpuinfo": "vendor_id\t: GenuineIntel\n",
  "/proc/sys/kernel/unprivileged_bpf_disabled": "2\n",
  "/sys/module/kvm_intel/initstate": "live\n",
  "/sys/kernel/tracing/events/kvm/kvm_exit/format": "",
  "/sys/kernel/btf/vmlinux": "",
  "/dev/kvm": "",
};

function onMachine<T>(files: Readonly<Record<string, string | undefined>>, check: (root: string) => T): T {
  const root = mkdtempSync(join(tmpdir(), "machine-"));
  try {
    for (const [path, content] of Object.entries(files)) {
      if (content === undefined) continue;
      mkdirSync(dirname(root + path), { recursive: true });
      writeFileSync(root + path, content);
    }
    return check(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("a complete machine passes, and its instruction set is known", () => {
  onMachine(COMPLETE, (root) => {
    assert.equal(preflight({ root, arch: "x64" }), "vmx");
    assert.equal(preflight({ root, arch: "arm64" }), "arm64");
  });
  const amd = {
    ...COMPLETE,
    "/sys/module/kvm_intel/initstate": undefined,
    "/sys/module/kvm_amd/initstate": "",
  };
  assert.equal(
    onMachine(amd, (root) => preflight({ root, arch: "x64" })),
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
      onMachine(files, (root) => preflight({ root, arch: "x64" })),
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
  ["modules", "/sys/module/kvm_intel/initstate", undefined, /sudo modprobe kvm_intel$/],
  ["/dev/kvm", "/dev/kvm", undefined, /there is no \/dev\/kvm/],
  ["tracefs", "/sys/kernel/tracing/events/kvm/kvm_exit/format", undefined, /mount -t tracefs tracefs/],
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
    assert.throws(
      () => onMachine({ ...COMPLETE, [path]: content }, (root) => preflight({ root, arch: "x64" })),
      (error) => error instanceof ToolError && expected.test(error.message) && !error.message.includes("\n"),
    );
  });

test("a kernel without the tracepoint is told so", () => {
  const files = {
    ...COMPLETE,
    "/sys/kernel/tracing/events/kvm/kvm_exit/format": undefined,
    "/sys/kernel/tracing/events/sched/enable": "",
  };
  assert.throws(
    () => onMachine(files, (root) => preflight({ root, arch: "x64" })),
    /no tracepoint kvm:kvm_exit/,
  );
});
