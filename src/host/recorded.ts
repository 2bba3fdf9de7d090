// SPDX-License-Identifier: MIT
// Facts of the host that explain exits, as they are written beside readings.
import { ofVendor, parameter } from "./checks/facts";
import type { Machine } from "./machine";
import { listFolder, readText } from "./read";
import { vmProcesses } from "./vm/process";

/** What is known; what isn't is missing. */
export interface RecordedFacts {
  /** For how long KVM may poll for a halted vCPU, in ns; 0 if it doesn't. */
  readonly haltPollNs?: number;
  /** Whether KVM uses the processor's APIC virtualisation. */
  readonly apicVirtualised?: boolean;
  /** CPUs that are isolated from the scheduler, as a list; missing if none is. */
  readonly isolatedCpus?: string;
  /** How many VMs have all their vCPUs' threads bound to these; missing if no CPU is isolated, or processes may not be looked at. */
  readonly isolatedVms?: number;
}

/** More VMs than have CPUs of their own anywhere. */
const MAX_VMS = 256;
const MAX_THREADS = 4096;
/** Most CPUs of a kernel: NR_CPUS of x86 and arm64. */
const MAX_CPU = 8192;
const LIST = /^\d+(-\d+)?(,\d+(-\d+)?)*$/;
/** QEMU's `CPU 0/KVM`, Firecracker's `fc_vcpu 0`, Cloud Hypervisor's `vcpu0`, crosvm's `crosvm_vcpu0`. */
const VCPU_THREAD = /^CPU \d+\/KVM$|vcpu/;

/** The CPUs of a list such as `0,2-5`; none of what is no list. */
export function cpusOf(list: string): Set<number> {
  const cpus = new Set<number>();
  if (!LIST.test(list)) return cpus;
  for (const part of list.split(",")) {
    const [first = 0, last = first] = part.split("-").map(Number);
    for (let cpu = first; cpu <= Math.min(last, MAX_CPU); cpu++) cpus.add(cpu);
  }
  return cpus;
}

/** Whether a process has vCPUs' threads, and all of them are bound to these CPUs. */
function isBound(root: string, pid: number, cpus: ReadonlySet<number>): boolean {
  const tasks = `${root}/proc/${pid}/task`;
  const lists = listFolder(tasks, MAX_THREADS).names.flatMap((tid) => {
    if (!VCPU_THREAD.test(readText(`${tasks}/${tid}/comm`).trim())) return [];
    return [/^Cpus_allowed_list:\s*(\S+)$/m.exec(readText(`${tasks}/${tid}/status`))?.[1] ?? ""];
  });
  return (
    lists.length > 0 &&
    lists.every((list) => {
      const allowed = [...cpusOf(list)];
      return allowed.length > 0 && allowed.every((cpu) => cpus.has(cpu));
    })
  );
}

/** How many VMs have all their vCPUs' threads bound to these CPUs; undefined if some process may not be looked at. */
function boundVms({ root }: Machine, cpus: ReadonlySet<number>): number | undefined {
  const { pids, isPartial } = vmProcesses(root);
  if (isPartial) return undefined;
  return pids.slice(0, MAX_VMS).filter((pid) => isBound(root, pid, cpus)).length;
}

/** The facts of this host. Looks at processes only where CPUs are isolated. */
export function recordedFacts(machine: Machine): RecordedFacts {
  const haltPollNs = Number(parameter(machine, "kvm", "halt_poll_ns") ?? NaN);
  const apic = ofVendor(machine, { vmx: "enable_apicv", svm: "avic" });
  const isolatedCpus = machine.text("/sys/devices/system/cpu/isolated").trim();
  const isolated = cpusOf(isolatedCpus);
  const isolatedVms = isolated.size > 0 ? boundVms(machine, isolated) : undefined;
  return {
    ...(Number.isSafeInteger(haltPollNs) && haltPollNs >= 0 ? { haltPollNs } : {}),
    ...(apic ? { apicVirtualised: apic.isOn } : {}),
    ...(isolated.size > 0 ? { isolatedCpus } : {}),
    ...(isolatedVms === undefined ? {} : { isolatedVms }),
  };
}
