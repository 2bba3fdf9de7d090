// Checks, before anything is loaded, that this machine can be traced, and says how to mend what is missing.
import { ToolError } from "../errors";
import { exists, readText } from "./read";
import { type Isa, learnReasons } from "../reasons";

// Bits of /proc/self/status CapEff: include/uapi/linux/capability.h.
const CAP_DAC_OVERRIDE = 1n;
const CAP_DAC_READ_SEARCH = 2n;
const CAP_SYS_ADMIN = 21n;

const MODULES: readonly (readonly [string, Isa])[] = [
  ["kvm_amd", "svm"],
  ["kvm_intel", "vmx"],
];

/** Where the machine is looked at; another root lets tests make up machines. */
export interface Machine {
  /** Folder that stands for /. */
  readonly root: string;
  /** As process.arch. */
  readonly arch: string;
}

const HERE: Machine = { root: "", arch: process.arch };

/** Where tracefs is mounted: at its own place, or within debugfs. */
const TRACEFS = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

function tracefs(machine: Machine): string | undefined {
  return TRACEFS.map((root) => machine.root + root).find((root) => exists(`${root}/events`));
}

const read = (machine: Machine, path: string) => readText(machine.root + path);

function checkPrivileges(machine: Machine): void {
  const status = read(machine, "/proc/self/status");
  if (status === "") throw new ToolError("/proc is not mounted; run: sudo mount -t proc proc /proc");
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const has = (capability: bigint) => (capabilities >> capability) % 2n === 1n;
  const isRoot = /^Uid:\s+\d+\s+0\s/m.test(status);
  // CAP_BPF and CAP_PERFMON don't do: the kernel gives out modules' BTF to CAP_SYS_ADMIN (bpf_btf_get_fd_by_id()).
  if (isRoot && !has(CAP_SYS_ADMIN))
    throw new ToolError(
      "tracing needs CAP_SYS_ADMIN, which root lacks here; run it outside of the container, or start that with " +
        "--cap-add SYS_ADMIN",
    );
  // tracefs is root's own, who reads it without a capability.
  const reads = isRoot || has(CAP_DAC_OVERRIDE) || has(CAP_DAC_READ_SEARCH);
  const missing = [
    ...(has(CAP_SYS_ADMIN) ? [] : ["CAP_SYS_ADMIN"]),
    ...(reads ? [] : ["CAP_DAC_READ_SEARCH (to read tracefs)"]),
  ];
  if (missing.length > 0)
    throw new ToolError(`tracing needs root, or ${missing.join(" and ")}; run it with sudo`);
}

function checkBpf(machine: Machine): void {
  if (/\[confidentiality\]/.test(read(machine, "/sys/kernel/security/lockdown")))
    throw new ToolError(
      "kernel lockdown in confidentiality mode forbids BPF to read the kernel; boot with lockdown=integrity",
    );
  if (!exists(`${machine.root}/proc/sys/kernel/unprivileged_bpf_disabled`))
    throw new ToolError("this kernel has no BPF system call; use one built with CONFIG_BPF_SYSCALL=y");
  if (!exists(`${machine.root}/sys/kernel/btf/vmlinux`))
    throw new ToolError(
      "this kernel has no BTF (/sys/kernel/btf/vmlinux); use one built with CONFIG_DEBUG_INFO_BTF=y",
    );
}

function isaOf(machine: Machine): Isa {
  if (machine.arch === "arm64") return "arm64";
  const loaded = MODULES.find(([module]) => exists(`${machine.root}/sys/module/${module}`));
  if (loaded) return loaded[1];
  const intel = /^vendor_id\s*:\s*GenuineIntel/m.test(read(machine, "/proc/cpuinfo"));
  throw new ToolError(`KVM is not loaded; run: sudo modprobe ${intel ? "kvm_intel" : "kvm_amd"}`);
}

function checkTracepoint(machine: Machine): void {
  const mounted = tracefs(machine);
  if (mounted === undefined)
    throw new ToolError("tracefs is not mounted; run: sudo mount -t tracefs tracefs /sys/kernel/tracing");
  if (!exists(`${mounted}/events/kvm/kvm_exit`))
    throw new ToolError(
      "this kernel has no tracepoint kvm:kvm_exit; use one built with CONFIG_KVM and CONFIG_FTRACE",
    );
  learnReasons(readText(`${mounted}/events/kvm/kvm_exit/format`));
}

function checkKvm(machine: Machine): void {
  if (!exists(`${machine.root}/dev/kvm`))
    throw new ToolError(
      "there is no /dev/kvm; enable virtualisation in the firmware (in a VM: nested virtualisation), " +
        "then reload KVM's module, or run: sudo mknod /dev/kvm c 10 232",
    );
}

/**
 * Makes sure that exits can be traced here, changing nothing, and learns the kernel's names of their reasons.
 * @returns the instruction set of the host's exits
 * @throws ToolError naming the first thing that is missing and the command that mends it
 */
export function preflight(machine: Machine = HERE): Isa {
  checkPrivileges(machine);
  const isa = isaOf(machine);
  checkKvm(machine);
  checkTracepoint(machine);
  checkBpf(machine);
  return isa;
}
