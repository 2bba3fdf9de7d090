// SPDX-License-Identifier: MIT
// Times in the unit that the user asked for.

/** Units of time; values are ns everywhere else. */
export const UNITS = ["ns", "us", "ms"] as const;
export type Unit = (typeof UNITS)[number];

// ns in the unit, and the decimals that keep three digits below it.
const SCALES: Readonly<Record<Unit, readonly [number, number]>> = { ns: [1, 0], us: [1e3, 1], ms: [1e6, 3] };

/** A time as a table shows it, without its unit. */
export function inUnit(ns: number, unit: Unit): string {
  const [scale, decimals] = SCALES[unit];
  return (ns / scale).toFixed(decimals);
}

/** A whole number of ns in the unit, with all its digits. */
export function exactly(ns: number, unit: Unit): string {
  const [scale] = SCALES[unit];
  return (ns / scale).toFixed(Math.log10(scale));
}

/** A time as inUnit() shows it or, where that takes more than `width`, in the unit that suits it: `1.10s`. */
export function fitted(ns: number, unit: Unit, width: number): string {
  const text = inUnit(ns, unit);
  return text.length <= width ? text : readable(ns).replace(" ", "");
}

/** A time in the unit that suits it, for sentences: `1.5 ms`. */
export function readable(ns: number): string {
  if (ns < 1e3) return `${ns.toFixed(0)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(1)} us`;
  return ns < 1e9 ? `${(ns / 1e6).toFixed(1)} ms` : `${(ns / 1e9).toFixed(2)} s`;
}

/** A whole number with commas: `1,234`. */
export function grouped(value: number): string {
  return value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Exits a second: one decimal, or the first digit of less than a tenth. */
export function perSecond(count: number, durationNs: number): string {
  const rate = durationNs > 0 ? (count / durationNs) * 1e9 : 0;
  return rate === 0 || rate >= 0.1 ? rate.toFixed(1) : rate.toPrecision(1);
}

/** A number of exits as a table shows it: itself or, where a time is given, a second of that time. */
export function countText(count: number, rateNs: number | undefined): string {
  return rateNs === undefined ? String(count) : perSecond(count, rateNs);
}

/** The heading of a column of exits. */
export function countHeading(heading: string, rateNs: number | undefined): string {
  return rateNs === undefined ? heading : `${heading}/s`;
}
