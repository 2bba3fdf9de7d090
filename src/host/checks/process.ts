// SPDX-License-Identifier: MIT
// What this process may do and see: privileges, /proc, process ids.
import type { Machine } from "../machine";
import { hasHostPids } from "../pid-namespace";
import { type Checked, bad, good, limited } from "./check";

// Numbers of capabilities: include/uapi/linux/capability.h.
const CAP_DAC_OVERRIDE = 1n;
const CAP_DAC_READ_SEARCH = 2n;
const CAP_SYS_PTRACE = 19n;
const CAP_SYS_ADMIN = 21n;

export function proc(machine: Machine): Checked {
  if (machine.privileges === undefined)
    return bad("/proc is not mounted", "run: sudo mount -t proc proc /proc");
  return machine.hiddenByProc.rest
    ? good("/proc is mounted with subset=pid; what it hides is found elsewhere")
    : good("/proc is mounted");
}

export function privileges({ privileges }: Machine): Checked {
  const has = privileges?.has ?? (() => false);
  const isRoot = privileges?.isRoot ?? false;
  // CAP_BPF and CAP_PERFMON don't do: the kernel gives out modules' BTF to CAP_SYS_ADMIN (bpf_btf_get_fd_by_id()).
  if (isRoot && !has(CAP_SYS_ADMIN))
    return bad(
      "tracing needs CAP_SYS_ADMIN, which root lacks here",
      "run it outside of the container, or start that with --cap-add SYS_ADMIN",
    );
  // tracefs is root's own, who reads it without a capability.
  const reads = isRoot || has(CAP_DAC_OVERRIDE) || has(CAP_DAC_READ_SEARCH);
  const missing = [
    ...(has(CAP_SYS_ADMIN) ? [] : ["CAP_SYS_ADMIN"]),
    ...(reads ? [] : ["CAP_DAC_READ_SEARCH (to read tracefs)"]),
  ];
  if (missing.length > 0) return bad(`tracing needs root, or ${missing.join(" and ")}`, "run it with sudo");
  return good(`this process may trace, ${isRoot ? "as root" : "by its capabilities"}`);
}

export function processes({ hiddenByProc, privileges }: Machine): Checked {
  if (hiddenByProc.processes && !(privileges?.has(CAP_SYS_PTRACE) ?? false))
    return limited(
      "/proc hides the processes of others (hidepid): VMs have their programs' names",
      "run it with sudo, or: sudo mount -o remount,hidepid=0 /proc",
    );
  return hasHostPids()
    ? good("process ids are the host's")
    : limited(
        "this runs in a pid namespace: VMs can't be chosen by process or name, and have their programs' names",
        "run it on the host, or in a container that shares its pids (--pid=host)",
      );
}
