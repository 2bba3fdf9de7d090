// SPDX-License-Identifier: MIT
// What ftrace's log of the scheduler, of KVM and of system calls says of a vCPU's thread: where its time went.
import { ISA, ONLY } from "../lab/machine";
import { EventLog } from "../lab/ftrace";

/** In ns. */
export interface ThreadTimes {
  /** From kvm_entry to kvm_exit, on a CPU; if exits are logged. */
  readonly guest: number;
  /** Within KVM_RUN on a CPU, and not in the guest. */
  readonly kvm: number;
  /** Outside of KVM_RUN, on a CPU or asleep. */
  readonly vmm: number;
  /** Asleep within KVM_RUN. */
  readonly asleep: number;
  /** Able to run within KVM_RUN, and without a CPU; and outside of it. */
  readonly waiting: number;
  readonly vmmWaiting: number;
}
type Part = keyof ThreadTimes;

const NO_TIMES: ThreadTimes = { guest: 0, kvm: 0, vmm: 0, asleep: 0, waiting: 0, vmmWaiting: 0 };
export const PARTS_OF_THREAD = Object.keys(NO_TIMES) as readonly Part[];

/** include/uapi/linux/kvm.h: ioctl(vcpu, KVM_RUN, 0). */
const KVM_RUN = 0xae80;
const SWITCHED = 'prev_comm ~ "guest*" || next_comm ~ "guest*"';
const WOKEN = 'comm ~ "guest*"';

/** Begins a log of what says where the time of guests' threads goes. @param exits whether each exit is logged, too */
export function logThreads(exits: boolean): EventLog {
  return new EventLog(
    "threads",
    { event: "sched/sched_switch", filter: SWITCHED },
    { event: "sched/sched_wakeup", filter: WOKEN },
    { event: "syscalls/sys_enter_ioctl", filter: `cmd == ${KVM_RUN}` },
    "kvm_userspace_exit",
    ...(exits ? ["kvm_entry", "kvm_exit"] : []),
  );
}

const LINE = /-(\d+) +\[\d+\] \S+ +(\d+)\.(\d{6}): (\w+)(?:: |\()(.*)$/gm;
const SWITCH = /prev_pid=(\d+) .*?prev_state=(\S+) ==> .*next_pid=(\d+)/;

type Where = "guest" | "kvm" | "vmm";
type Cpu = "on" | "asleep" | "waiting";

/** A thread as the log goes on. What it does is undefined until an event shows it. */
class Thread {
  readonly times: Record<Part, number> = { ...NO_TIMES };
  #where: Where | undefined;
  #cpu: Cpu | undefined;
  #sinceNs: number;

  constructor(startNs: number) {
    this.#sinceNs = startNs;
  }

  /** Adds the time up to `ns`, as far as it is between the two. */
  goOn(ns: number, startNs: number, endNs: number): void {
    this.times[this.#part()] += Math.max(0, Math.min(ns, endNs) - Math.max(this.#sinceNs, startNs));
    this.#sinceNs = ns;
  }

  /** An event shows what was before it: until the first one that does, it has been so. */
  was(what: { readonly where?: Where; readonly cpu?: Cpu }): void {
    this.#where ??= what.where;
    this.#cpu ??= what.cpu;
  }

  is(what: { readonly where?: Where; readonly cpu?: Cpu }): void {
    this.#where = what.where ?? this.#where;
    this.#cpu = what.cpu ?? this.#cpu;
  }

  get isAsleep(): boolean {
    return this.#cpu === "asleep";
  }

  #part(): Part {
    const outside = this.#where === "vmm";
    if (this.#cpu === "waiting") return outside ? "vmmWaiting" : "waiting";
    if (outside) return "vmm";
    return this.#cpu === "asleep" ? "asleep" : (this.#where ?? "kvm");
  }
}

/** What a thread's own events show: where it was, and is. */
const SHOWN: Readonly<Record<string, readonly [was: Where, is: Where]>> = {
  kvm_entry: ["kvm", "guest"],
  kvm_exit: ["guest", "kvm"],
  kvm_userspace_exit: ["kvm", "vmm"],
  sys_ioctl: ["vmm", "kvm"],
};

/**
 * Where the time of threads went from startNs to endNs, together. A thread's first events say what it did before; if
 * there are none it is taken to be within KVM_RUN, on a CPU.
 */
export function timesOf(log: string, tids: readonly number[], startNs: number, endNs: number): ThreadTimes {
  const threads = new Map(tids.map((tid) => [tid, new Thread(startNs)]));
  const at = (tid: string | undefined, ns: number, was: Parameters<Thread["was"]>[0], is: typeof was) => {
    const thread = threads.get(Number(tid));
    thread?.was(was);
    thread?.goOn(ns, startNs, endNs);
    thread?.is(is);
  };
  for (const [, current, seconds, micros, event = "", text = ""] of log.matchAll(LINE)) {
    const ns = Number(seconds) * 1e9 + Number(micros) * 1e3;
    const [was, is] = SHOWN[event] ?? [];
    if (was && is) at(current, ns, { where: was, cpu: "on" }, { where: is });
    else if (event === "sched_switch") {
      const [, out, state, into] = SWITCH.exec(text) ?? [];
      at(out, ns, { cpu: "on" }, { cpu: state?.startsWith("R") ? "waiting" : "asleep" });
      at(into, ns, { cpu: "waiting" }, { cpu: "on" });
    } else {
      const woken = / pid=(\d+)/.exec(text)?.[1];
      at(woken, ns, { cpu: "asleep" }, {});
      if (threads.get(Number(woken))?.isAsleep) at(woken, ns, {}, { cpu: "waiting" });
    }
  }
  const sum: Record<Part, number> = { ...NO_TIMES };
  for (const thread of threads.values()) {
    thread.goOn(endNs, startNs, endNs);
    for (const part of PARTS_OF_THREAD) sum[part] += thread.times[part];
  }
  return sum;
}

/** What counts as a vCPU's thread of a guest: all but the first; those of other architectures have that alone. */
export function isVcpuThread(tid: number, pid: number): boolean {
  return ONLY[ISA] ? tid === pid : tid !== pid;
}
