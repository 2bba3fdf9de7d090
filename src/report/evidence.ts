// SPDX-License-Identifier: MIT
// A run as evidence for advice.
import type { Evidence, Quarter } from "../advice";
import { detailRows } from "../measure/details";
import { type Sample, sampleKey, total } from "../measure/samples";
import { isaNumber, rawReason } from "../reasons";
import { reasonsOf } from "./compare";
import type { Run } from "./run";
import type { Timeline } from "./timeline";

const QUARTERS = 4;

/** Quarters of the columns; none where there are fewer. */
function quartersOf({ moments }: Timeline): Quarter[] {
  if (moments.length < QUARTERS) return [];
  return Array.from({ length: QUARTERS }, (_, quarter) => {
    const part = moments.slice(
      Math.floor((quarter * moments.length) / QUARTERS),
      Math.floor(((quarter + 1) * moments.length) / QUARTERS),
    );
    return {
      durationNs: part.reduce((sum, { durationNs }) => sum + durationNs, 0),
      countOf: (isa, reason) => {
        const key = sampleKey(isaNumber(isa) ?? 0, rawReason(reason));
        return part.reduce((sum, { parts }) => sum + (parts.get(key)?.count ?? 0), 0);
      },
    };
  });
}

/** The host that all lines name, if it is one. */
export function hostOf({ abouts }: Pick<Run, "abouts">): Evidence["host"] {
  const hosts = new Map(abouts.map(({ host }) => [JSON.stringify(host ?? null), host]));
  return hosts.size === 1 ? [...hosts.values()][0] : undefined;
}

/** What exits to the VMM were about. */
function vmmOf({ vmm, ofVmm }: Run): Evidence["vmm"] {
  const samples = vmm.intervals > 0 ? [...reasonsOf(ofVmm).values()] : [];
  if (!samples.some(({ details }) => details) || vmm.vcpuNs === undefined) return undefined;
  return { details: samples.flatMap(detailRows), vcpuNs: vmm.vcpuNs };
}

/** What advice is judged by. */
export function evidenceOf(run: Run): Evidence {
  const { exits, split } = run;
  const hasExits = exits.intervals > 0;
  const samples: readonly Sample[] = hasExits ? [...reasonsOf(run).values()] : [];
  return {
    exitsNs: hasExits ? exits.reading.durationNs : undefined,
    vcpuNs: exits.vcpuNs,
    samples,
    details: samples.some(({ details }) => details) ? samples.flatMap(detailRows) : undefined,
    timed: samples.some((sample) => total(sample).timed > 0),
    reflected: samples.some(({ reflected }) => reflected > 0),
    quarters: quartersOf(exits.timeline),
    vmm: vmmOf(run),
    clock: split.intervals > 0 ? split.clock : undefined,
    host: hostOf(run),
  };
}
