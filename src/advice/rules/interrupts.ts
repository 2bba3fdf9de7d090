// SPDX-License-Identifier: MIT
// Timers and interrupts that exit more often than they need to.
import { isInterrupt } from "../../reasons";
import { perVcpu, sumOf } from "../evidence";
import type { Rule } from "../rule";
import { often, oftenAbout, percent } from "../words";

/** A guest with 1,000 ticks a second sets its timer some 2,000 times; one that does so much more often has another cause. */
const MANY_DEADLINES = 5000;
/** Interrupts between vCPUs: a busy guest's wake-ups and TLB flushes are some hundreds in a second of a vCPU. */
const MANY_IPIS = 1000;
/** Exits of L2 that L1 gets; below this, they take less than some 5 % of a vCPU at 50 us each. */
const MANY_REFLECTED = 1000;
/** On a CPU that is kept free of everything, the host's tick is the least that should go: 100 to 1,000 a second. */
const MANY_INTERRUPTS = 50;

const DEADLINE_MSR = 0x6e0;
const ICR_MSR = 0x830;
const ICR_OFFSET = 0x300;
/** Where a guest's local APIC is without x2APIC; without APIC virtualisation writes there are faults on memory. */
const ICR_ADDRESS = 0xfee00000 + ICR_OFFSET;

export const INTERRUPTS: readonly Rule[] = [
  {
    name: "deadline-storm",
    title: "Guests set their timers all the time",
    needs: ["exits", "details"],
    find: (evidence) =>
      oftenAbout(
        evidence,
        "writes of IA32_TSC_DEADLINE",
        MANY_DEADLINES,
        (detail) => detail.kind === "msr" && detail.write && detail.msr === DEADLINE_MSR,
      ),
    meaning:
      "something in the guest arms timers of some microseconds: short sleeps or polls, high-resolution ticks, a busy network stack",
    mend: "find it in the guest (perf trace -e 'timer:hrtimer_start'), lengthen its sleeps; nohz_full and a lower CONFIG_HZ take ticks away",
    verify: "kvm-vmexit count --details --reasons MSR:0x6e0 (MSR_WRITE:0x6e0 on Intel): fewer",
    source: "docs.kernel.org/timers/no_hz.html",
  },
  {
    name: "ipis-exit",
    title: "Interrupts between vCPUs exit",
    needs: ["exits", "details"],
    find: (evidence) => {
      const found = oftenAbout(
        evidence,
        "writes of the interrupt command register",
        MANY_IPIS,
        (detail) =>
          (detail.kind === "msr" && detail.write && detail.msr === ICR_MSR) ||
          (detail.kind === "apic" && detail.access === "write" && detail.offset === ICR_OFFSET) ||
          (detail.kind === "memory" &&
            detail.access === "write" &&
            detail.bytes === 1 &&
            detail.address === ICR_ADDRESS),
      );
      if (found === undefined) return undefined;
      const { apicVirtualised } = evidence.host ?? {};
      const known =
        apicVirtualised === undefined ? "" : `; APIC virtualisation is ${apicVirtualised ? "on" : "off"}`;
      return found + known;
    },
    meaning:
      "each interrupt that a vCPU sends to another one is an exit: the processor doesn't deliver it itself",
    mend: "load kvm_intel with enable_apicv=1 and enable_ipiv=1, kvm_amd with avic=1, where the processor has it; pin vCPUs that talk to each other",
    verify: "kvm-vmexit doctor says whether it is on; kvm-vmexit count --details: fewer writes of ICR",
    source:
      "Intel SDM volume 3C, on APIC virtualization and IPI virtualization; AMD manual volume 2, section 15.29",
  },
  {
    name: "interrupts-on-isolated",
    title: "Isolated CPUs are interrupted",
    needs: ["exits"],
    find: (evidence) => {
      const { isolatedCpus = "", isolatedVms = 0 } = evidence.host ?? {};
      if (isolatedCpus === "" || isolatedVms === 0) return undefined;
      const { count } = sumOf(evidence.samples, ({ isa, reason }) => isInterrupt(isa, reason));
      const rate = perVcpu(evidence, count);
      if (rate < MANY_INTERRUPTS) return undefined;
      return `${often(count, "exits for the host's interrupts", rate)}; the vCPUs are bound to the isolated CPUs ${isolatedCpus}`;
    },
    meaning: "the host's ticks, devices or other CPUs interrupt vCPUs that were given CPUs of their own",
    mend: "add nohz_full and rcu_nocbs for these CPUs, move the devices' interrupts away (/proc/irq/*/smp_affinity_list, irqbalance's banned CPUs)",
    verify: "kvm-vmexit time: exits for interrupts fall; /proc/interrupts names their devices",
    source: "docs.kernel.org/admin-guide/kernel-parameters.html, on isolcpus and nohz_full",
  },
  {
    name: "reflected",
    title: "Most exits of nested guests go through their hypervisor",
    needs: ["exits", "reflected"],
    find: (evidence) => {
      const [reflected, nested] = evidence.samples.reduce(
        ([some, all], { reflected, l2 }) => [some + reflected, all + l2.count],
        [0, 0],
      );
      const rate = perVcpu(evidence, reflected);
      if (rate < MANY_REFLECTED || reflected < nested / 2) return undefined;
      return `${often(reflected, "exits of L2 went to L1", rate)}, ${percent(reflected / nested)} of L2's`;
    },
    meaning:
      "each costs several exits: L1 handles it with accesses of its own, and enters L2 again through L0",
    mend: "find by reason what L1 intercepts (kvm-vmexit count --wide), give L1 enlightened VMCS or huge pages, or run these guests without nesting",
    verify: "kvm-vmexit count --wide: L2 to L1 falls",
    source: "docs.kernel.org/virt/kvm/x86/running-nested-guests.html",
  },
];
