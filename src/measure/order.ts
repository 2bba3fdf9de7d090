// SPDX-License-Identifier: MIT
// The order of names in all outputs.

/** By the characters' codes: localeCompare() differs by host, and takes 78 million instructions to begin. */
export function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
