// SPDX-License-Identifier: MIT
// Adds turns up to what a reading of the live tools has.
import { bucketOf } from "../measure/histogram";
import type { Identity } from "../measure/grouping";
import type { Reading } from "../measure/reading";
import type { Time } from "../measure/time";
import { identityOf, vcpuKey } from "../measure/roster";
import { type Groups, type Samples, addToBucket, sampleAt, sampleKey } from "../measure/samples";
import { isaName, reasonNumber } from "../reasons";
import type { Summary } from "./summary";
import type { Turn } from "./turns";

/** Counters by vCPU, instruction set, level and reason. */
export class Tally {
  /** Who they are, by the key of `exits`. */
  readonly vcpus = new Map<string, Identity>();
  readonly exits: Groups = new Map<string, Samples>();

  /** @param nsPerTick what a tick of the recording lasts */
  add({ thread, isa, code, level, exited, ended }: Turn, nsPerTick: number): void {
    const vcpu = thread.vcpu | 0;
    const key = vcpuKey(thread.pid, 0, vcpu, thread.tid);
    if (!this.vcpus.has(key)) this.vcpus.set(key, identityOf(thread.vm, vcpu, thread.tid));
    const name = isaName(isa);
    const sample = sampleAt(this.exits, key, sampleKey(isa, code), name, reasonNumber(name, code));
    const counters = level === 2 ? sample.l2 : sample.l1;
    counters.count++;
    if (ended === undefined) return;
    const ns = Math.round((ended - exited) * nsPerTick);
    counters.timed++;
    counters.totalNs += ns;
    counters.maxNs = Math.max(counters.maxNs, ns);
    addToBucket(counters.buckets, bucketOf(ns), 1);
  }

  /** All turns added so far, and what the recordings say about themselves. */
  reading(summary: Summary, nsPerTick: number): Reading & Time {
    const { vcpus, exits } = this;
    return { ...summary.interval(nsPerTick), number: 0, lost: summary.health, vcpus, exits };
  }
}
