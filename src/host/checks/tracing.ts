// SPDX-License-Identifier: MIT
// Whether the kernel shows its tracepoints and counters: tracefs, debugfs, and lockdown, which closes them.
import type { Machine } from "../machine";
import { type Checked, bad, good, limited, unknown } from "./check";

export function lockdown({ lockdown }: Machine): Checked {
  switch (lockdown) {
    case undefined:
      return unknown(
        "whether kernel lockdown is on can't be seen: securityfs is not mounted",
        "run: sudo mount -t securityfs securityfs /sys/kernel/security",
      );
    case "absent":
      return good("this kernel has no lockdown");
    case "none":
      return good("kernel lockdown is off");
    case "integrity":
      return good("kernel lockdown is in integrity mode, in which KVM's counters in debugfs can't be read");
    case "confidentiality":
      return bad(
        "kernel lockdown in confidentiality mode forbids BPF to read the kernel",
        "boot with lockdown=integrity",
      );
  }
}

export function tracefs(machine: Machine): Checked {
  const { tracefs, lockdown } = machine;
  if (tracefs !== undefined && machine.has(`${tracefs}/events`)) return good(`tracefs is at ${tracefs}`);
  if (tracefs !== undefined && machine.isClosed(tracefs))
    return unknown(`tracefs, at ${tracefs}, is closed to this process`, "run it with sudo");
  if (tracefs !== undefined)
    return bad(
      `tracefs, at ${tracefs}, is empty`,
      lockdown === undefined
        ? "see whether the kernel is locked down: sudo mount -t securityfs securityfs /sys/kernel/security"
        : "use a kernel built with CONFIG_FTRACE and CONFIG_EVENT_TRACING",
    );
  const types = machine.text("/proc/filesystems");
  if (types !== "" && !/\btracefs$/m.test(types))
    return bad("this kernel has no tracefs", "use one built with CONFIG_FTRACE");
  return bad("tracefs is not mounted", "run: sudo mount -t tracefs tracefs /sys/kernel/tracing");
}

export function tracepoint(machine: Machine): Checked | undefined {
  const { tracefs } = machine;
  if (tracefs === undefined || !machine.has(`${tracefs}/events`)) return undefined;
  if (machine.hasTracepoint("kvm_exit")) return good("the kernel has the tracepoint kvm:kvm_exit");
  const { kvm } = machine;
  if (kvm?.isKnown === false)
    return bad(
      `${kvm.module}, which drives KVM here, has no tracepoint kvm:kvm_exit`,
      "use kvm-stat -d, which shows KVM's own counters",
    );
  return bad("this kernel has no tracepoint kvm:kvm_exit", "use one built with CONFIG_KVM and CONFIG_FTRACE");
}

export function debugfs(machine: Machine): Checked {
  const { debugfs, lockdown } = machine;
  if (debugfs === undefined)
    return limited(
      "debugfs is not mounted: kvm-stat -d has no counters",
      "run: sudo mount -t debugfs debugfs /sys/kernel/debug",
    );
  if (lockdown === "integrity" || lockdown === "confidentiality")
    return limited(
      "debugfs can be listed but not read under kernel lockdown: kvm-stat -d has no counters",
      "boot with lockdown=none (with Secure Boot off), or use kvm-stat -t",
    );
  return good(`debugfs is at ${debugfs}`);
}
