// SPDX-License-Identifier: MIT
// Faults of the guests' memory.
import { isFault } from "../../reasons";
import { type Evidence, sumOf } from "../evidence";
import type { Rule } from "../rule";
import { figure } from "../words";
import { readable } from "../../render/units";
import { total } from "../../measure/samples";

/** A shorter run may be a boot, which touches all of a guest's memory once. */
const LONG_NS = 60e9;
/** Faults in a second of a vCPU that go on after a boot: 500 of 5 us are 0.25 % of it, and what maps them is slower still. */
const MANY_FAULTS = 500;

/** Of how many faults it is known that they were of memory, and not of a device. */
function partOfMemory({ details, samples }: Evidence): number {
  const all = sumOf(samples, ({ isa, reason }) => isFault(isa, reason)).count;
  // VMX alone has a reason of its own for devices; else details tell them apart.
  if (!details) return samples.every(({ isa, reason }) => isa === "vmx" || !isFault(isa, reason)) ? 1 : 0;
  let pages = 0;
  for (const { detail, sample } of details)
    if (detail?.kind === "memory" && detail.bytes > 1 && isFault(sample.isa, sample.reason))
      pages += total(sample).count;
  return all > 0 ? pages / all : 0;
}

export const MEMORY: readonly Rule[] = [
  {
    name: "faults-go-on",
    title: "Guests fault on their memory long after they began",
    needs: ["exits"],
    find: (evidence) => {
      const { exitsNs = 0, vcpuNs = 0, samples, quarters } = evidence;
      if (exitsNs < LONG_NS || vcpuNs === 0) return undefined;
      const part = partOfMemory(evidence);
      const vcpus = vcpuNs / exitsNs;
      const rates = quarters.map(({ durationNs, countOf }) => {
        const count = samples.reduce(
          (sum, { isa, reason }) => sum + (isFault(isa, reason) ? countOf(isa, reason) : 0),
          0,
        );
        return durationNs > 0 ? (count * part * 1e9) / (durationNs * vcpus) : 0;
      });
      // All of the run, so that neither a boot at its beginning nor one in between counts.
      const least = Math.min(...rates);
      if (quarters.length < 4 || least < MANY_FAULTS) return undefined;
      return `${figure(least)} faults in a second of a vCPU in each quarter of ${readable(exitsNs)}`;
    },
    meaning:
      "pages are mapped one by one: without huge pages, after ballooning or swapping, or again and again while a migration logs what is written",
    mend: "back the VM with huge pages (hugetlbfs, or transparent ones: 'always' or madvise), see AnonHugePages of the VMM in /proc/PID/smaps_rollup; look for a balloon, KSM, swap or a migration",
    verify: "kvm-vmexit count --details --by vm: EPT_VIOLATION or NPF of pages falls",
    source: "docs.kernel.org/admin-guide/mm/transhuge.html",
  },
];
