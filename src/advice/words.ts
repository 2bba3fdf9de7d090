// SPDX-License-Identifier: MIT
// Numbers in the sentences of advice.
import type { ExitDetail } from "../details";
import { grouped } from "../render/units";
import { type Evidence, about, perVcpu } from "./evidence";

/** `1,234`, `12.3`, `0.12`. */
export function figure(value: number): string {
  if (value >= 100) return grouped(value);
  return value.toPrecision(value >= 10 ? 3 : 2);
}

/** A part of 1 as `12.3 %`. */
export function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

/** So many, and how many that is in a second of a vCPU. */
export function often(count: number, what: string, rate: number): string {
  return `${figure(count)} ${what}, ${figure(rate)} in a second of a vCPU`;
}

/** often() of the exits that were about something; undefined where they are fewer than `least` in a second of a vCPU. */
export function oftenAbout(
  evidence: Evidence,
  what: string,
  least: number,
  wanted: (detail: ExitDetail) => boolean,
): string | undefined {
  const { count } = about(evidence, wanted);
  const rate = perVcpu(evidence, count);
  return rate < least ? undefined : often(count, what, rate);
}
