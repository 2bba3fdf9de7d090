// SPDX-License-Identifier: MIT
// Sleeps that are too short to be worth one, and vCPUs that wait for CPUs.
import { isIdle, isPause } from "../../reasons";
import { readable } from "../../render/units";
import { elapsedNs, partNs } from "../../split/clock";
import { type Evidence, perVcpu, sumOf } from "../evidence";
import type { Rule } from "../rule";
import { often, percent } from "../words";

/** A vCPU that sleeps and wakes less often than this in a second loses little by it: 1,000 wake-ups of 10 us are 1 %. */
const MANY_SLEEPS = 1000;
/** KVM polls for 200 us at most (halt_poll_ns of x86): only shorter sleeps can be polled through. */
const SHORT_NS = 200_000;
/** Polls in vain below this part of the vCPUs' time aren't worth a word. */
const MUCH_POLLING = 0.05;
/** vCPUs that wait this part of their time are on a host that has too few CPUs for them. */
const MUCH_WAITING = 0.05;
/** PAUSE exits in a second of a vCPU that spins on a lock: each is some 4,096 cycles of PAUSE. */
const MANY_PAUSES = 100;

/** The sleeps of the split: how many in a second of a vCPU, how long, and how much was polled. */
function sleepsOf({ clock }: Evidence) {
  if (!clock) return undefined;
  const { ns, counts } = clock;
  const all = elapsedNs(clock);
  if (all === 0 || counts.wakeups === 0) return undefined;
  return {
    rate: (counts.wakeups * 1e9) / all,
    averageNs: ns.idle / counts.wakeups,
    polledInVain: ns.pollFail / all,
    polled: ns.pollFail + ns.pollSuccess,
    inVain: ns.pollFail,
  };
}

/** The exits of halts. Their handling times include the sleeps. */
function haltsOf(evidence: Evidence) {
  const halts = sumOf(evidence.samples, ({ isa, reason }) => isIdle(isa, reason));
  const rate = perVcpu(evidence, halts.count);
  return halts.timed > 0 ? { rate, count: halts.count, averageNs: halts.totalNs / halts.timed } : undefined;
}

const SOURCE = "docs.kernel.org/virt/kvm/halt-polling.html";

const UNPOLLED = {
  meaning:
    "each of these sleeps gives the CPU away and takes it back, which delays what the vCPU is woken for by some 5 to 50 us",
  mend: "set /sys/module/kvm/parameters/halt_poll_ns to 200000, or haltpoll as the guest's cpuidle governor (a busy CPU is the price)",
} as const;

export const SLEEPS: readonly Rule[] = [
  {
    name: "sleeps-unpolled",
    title: "vCPUs sleep often and briefly, and KVM doesn't poll",
    needs: ["split"],
    find: (evidence) => {
      const sleeps = sleepsOf(evidence);
      if (!sleeps || sleeps.polled > 0 || sleeps.rate < MANY_SLEEPS || sleeps.averageNs > SHORT_NS)
        return undefined;
      return `${often(evidence.clock?.counts.wakeups ?? 0, "wake-ups", sleeps.rate)}, after ${readable(sleeps.averageNs)} on average; no time was polled`;
    },
    ...UNPOLLED,
    verify: "kvm-vmexit split --wide: wakeups/s falls, and poll ok takes over what was idle",
    source: SOURCE,
  },
  {
    name: "sleeps-unpolled-by-host",
    title: "HLTs are many and short, and the host's halt polling is off",
    needs: ["exits", "times"],
    find: (evidence) => {
      const halts = haltsOf(evidence);
      if (evidence.clock || evidence.host?.haltPollNs !== 0) return undefined;
      if (!halts || halts.rate < MANY_SLEEPS || halts.averageNs > SHORT_NS) return undefined;
      return `${often(halts.count, "halts", halts.rate)}, of ${readable(halts.averageNs)} on average; halt_poll_ns of the host is 0`;
    },
    ...UNPOLLED,
    verify: "kvm-vmexit split --wide: poll ok takes over what was idle",
    source: SOURCE,
  },
  {
    name: "polls-in-vain",
    title: "KVM polls for halted vCPUs in vain",
    needs: ["split"],
    find: (evidence) => {
      const sleeps = sleepsOf(evidence);
      if (!sleeps || sleeps.polledInVain < MUCH_POLLING || sleeps.inVain < sleeps.polled / 2)
        return undefined;
      return `${percent(sleeps.polledInVain)} of the vCPUs' time was polled in vain, ${percent(sleeps.inVain / sleeps.polled)} of all polling`;
    },
    meaning:
      "CPUs are kept busy for vCPUs that have nothing to do, and the vCPUs sleep after it all the same",
    mend: "lower /sys/module/kvm/parameters/halt_poll_ns, or raise it if the sleeps that follow are short (--wide: idle)",
    verify: "kvm-vmexit split --wide: poll falls, or poll ok becomes most of it",
    source: SOURCE,
  },
  {
    name: "waiting",
    title: "vCPUs wait for CPUs",
    needs: ["split"],
    find: ({ clock }) => {
      const all = clock ? elapsedNs(clock) : 0;
      if (!clock || all === 0) return undefined;
      const waiting = partNs(clock, "waiting") / all;
      if (waiting < MUCH_WAITING) return undefined;
      return `vCPUs could run and didn't for ${percent(waiting)} of their time, ${readable(clock.maxima.maxWaitNs)} at the longest`;
    },
    meaning:
      "more tasks want CPUs than there are, a cgroup's cpu.max throttles the VM, or vCPUs are bound to too few CPUs",
    mend: "take vCPUs or neighbours away, raise cpu.max, or bind vCPUs to CPUs of their own",
    verify: "kvm-vmexit split: waiting falls; --fail-if 'share(waiting) > 1%' keeps it so",
    source: "docs.kernel.org/admin-guide/cgroup-v2.html, on cpu.max",
  },
  {
    name: "spinning",
    title: "vCPUs spin on locks whose holders wait for CPUs",
    needs: ["exits", "split"],
    find: (evidence) => {
      const { clock } = evidence;
      const pauses = sumOf(evidence.samples, ({ isa, reason }) => isPause(isa, reason));
      const rate = perVcpu(evidence, pauses.count);
      const all = clock ? elapsedNs(clock) : 0;
      if (!clock || all === 0 || rate < MANY_PAUSES) return undefined;
      const waiting = partNs(clock, "waiting") / all;
      if (waiting < MUCH_WAITING) return undefined;
      return `${often(pauses.count, "PAUSE exits", rate)}; vCPUs waited for CPUs for ${percent(waiting)} of their time`;
    },
    meaning: "a vCPU that holds a lock was taken off its CPU, and the others burn their time on that lock",
    mend: "take vCPUs or neighbours away, and give guests paravirtual spinlocks (kvm-pv-unhalt, hv-spinlocks for Windows)",
    verify: "kvm-vmexit count: PAUSE falls; kvm-vmexit split: waiting falls",
    source: "Intel SDM volume 3C, on pause-loop exiting; AMD manual volume 2, on the pause filter",
  },
];
