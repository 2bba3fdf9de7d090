// SPDX-License-Identifier: MIT
// Numbers in the sentences of advice.

/** `1,234`, `12.3`, `0.12`. */
export function figure(value: number): string {
  if (value >= 100) return value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ",");
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
