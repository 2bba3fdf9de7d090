// SPDX-License-Identifier: MIT
// Machines made up in folders.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Machine } from "../../src/host/machine";

/** Files with what is in them; undefined: not there. */
export type Files = Readonly<Record<string, string | undefined>>;

const EVERY_CAPABILITY = "CapEff:\t000001ffffffffff\n";
// As the kernel of Debian 12 has it in a container's namespace.
const MOUNTS = [
  "22 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw",
  "23 28 0:22 / /sys rw,nosuid - sysfs sysfs rw",
  "30 23 0:7 / /sys/kernel/debug rw shared:14 - debugfs debugfs rw",
  "31 23 0:12 / /sys/kernel/tracing rw shared:15 - tracefs tracefs rw",
];

/** An Intel host that lacks nothing. */
export const COMPLETE: Files = {
  "/proc/self/status": EVERY_CAPABILITY,
  "/proc/self/mountinfo": MOUNTS.map((line) => `${line}\n`).join(""),
  "/proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu vmx est\n\nprocessor\t: 1\n",
  "/proc/sys/kernel/unprivileged_bpf_disabled": "2\n",
  "/proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
  "/sys/module/kvm_intel/initstate": "live\n",
  "/sys/class/misc/kvm/dev": "10:232\n",
  "/sys/kernel/tracing/events/kvm/kvm_exit/format": "",
  "/sys/kernel/debug/kvm/exits": "0\n",
  "/sys/kernel/btf/vmlinux": "",
  "/dev/kvm": "",
};

/** What `look` gives of a machine that has these files. */
export function onMachine<T>(files: Files, look: (machine: Machine) => T, arch = "x64"): T {
  const root = mkdtempSync(join(tmpdir(), "machine-"));
  try {
    for (const [path, content] of Object.entries(files)) {
      if (content === undefined) continue;
      mkdirSync(dirname(root + path), { recursive: true });
      writeFileSync(root + path, content);
    }
    return look(new Machine({ root, arch }));
  } finally {
    rmSync(root, { recursive: true });
  }
}
