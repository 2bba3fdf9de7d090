// SPDX-License-Identifier: MIT
// What the kernel is and has: architecture, KVM, BPF and what newer versions brought.
import { type Machine, TRACED } from "../machine";
import { processorIsa } from "../processor";
import { type Check, type Checked, bad, good, limited, unknown } from "./check";

/** `a, b and c` */
const inWords = (words: readonly string[]) => `${words.slice(0, -1).join(", ")} and ${words.at(-1) ?? ""}`;

export function architecture({ arch }: Machine): Checked {
  if (TRACED.has(arch)) return good(`the architecture is ${arch}`);
  if (arch === "ia32" || arch === "arm")
    return bad(
      `this Node is built for ${arch}, and exits can be traced by one for x86-64 or arm64 only`,
      "use a 64-bit Node",
    );
  return bad(
    `exits can be traced on ${inWords([...TRACED.values()])}, not on ${arch}, for which there are no programs`,
    'use "perf kvm stat" or kvm_stat of the kernel\'s tools there; recordings of other hosts can be read',
  );
}

export function kvm(machine: Machine): Checked {
  const { kvm, processor, arch } = machine;
  if (!TRACED.has(arch))
    return unknown(`what drives KVM on ${arch} isn't known`, "use KVM's own tools there");
  if (kvm?.isKnown === false)
    return limited(
      `KVM is driven by ${kvm.module}, which is neither Intel's nor AMD's module: exits are read from the tracepoints, ` +
        "and reasons that have no name are shown by their numbers",
      "nothing needs to be done",
    );
  if (kvm) return good(`KVM is driven by ${kvm.module}; exits have the codes of ${kvm.isa}`);
  if (processor.virtualisation === "none")
    return bad(
      "KVM is not loaded, and the processor shows neither VMX nor SVM",
      "enable virtualisation in the firmware (in a VM: nested virtualisation)",
    );
  const isa = processorIsa(processor);
  const load = { vmx: "sudo modprobe kvm_intel", svm: "sudo modprobe kvm_amd" };
  return bad("KVM is not loaded", `run: ${isa ? load[isa] : `${load.vmx} || ${load.svm}`}`);
}

export function device(machine: Machine): Checked {
  if (machine.has("/dev/kvm")) return good("/dev/kvm is there");
  if (!TRACED.has(machine.arch)) return unknown("there is no /dev/kvm", "load KVM's module");
  return machine.hasKvmDevice
    ? bad("there is no /dev/kvm", "run: sudo mknod /dev/kvm c 10 232")
    : bad(
        "there is no /dev/kvm",
        "enable virtualisation in the firmware (in a VM: nested virtualisation), then reload KVM's module, or run: " +
          "sudo mknod /dev/kvm c 10 232",
      );
}

export function bpf(machine: Machine): Checked {
  // The second where /proc hides all that is no process.
  if (machine.has("/proc/sys/kernel/unprivileged_bpf_disabled") || machine.has("/sys/fs/bpf"))
    return good("the kernel has the BPF system call");
  return bad("this kernel has no BPF system call", "use one built with CONFIG_BPF_SYSCALL=y");
}

export function btf(machine: Machine): Checked {
  if (machine.has("/sys/kernel/btf/vmlinux")) return good("the kernel describes its types in BTF");
  return bad(
    "this kernel has no BTF (/sys/kernel/btf/vmlinux)",
    "use one built with CONFIG_DEBUG_INFO_BTF=y",
  );
}

/**
 * What newer kernels have. Distributions' kernels got some of it earlier than their version says: where the version is
 * lower, the kernel's BTF is asked.
 */
export function feature(
  name: string,
  users: string,
  [major, minor]: readonly [number, number],
  btfName: string,
): Check {
  return (machine) =>
    machine.isAtLeast(major, minor) || machine.hasBtfName(btfName)
      ? good(`the kernel has ${name}`)
      : bad(
          `this kernel, ${machine.release}, has no ${name}, which ${users}`,
          `use Linux ${major}.${minor} or later`,
        );
}
