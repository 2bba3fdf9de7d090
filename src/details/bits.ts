// SPDX-License-Identifier: MIT
// Numbers of exits, taken apart and written.

/** A number as hexadecimal, with 0x. */
export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** `count` bits from bit `low` on. */
export function bits(value: bigint, low: number, count: number): number {
  return Number((value >> BigInt(low)) & ((1n << BigInt(count)) - 1n));
}
