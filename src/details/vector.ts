// SPDX-License-Identifier: MIT
// Vectors of exceptions and interrupts.
import { bits, hex } from "./bits";

/** A vector. */
export interface Vector {
  readonly kind: "vector";
  readonly of: "exception" | "interrupt";
  readonly vector: number;
}

// Intel SDM volume 3, 6.3.1; AMD APM volume 2, 8.1.
const EXCEPTIONS: ReadonlyMap<number, string> = new Map([
  [0, "#DE"],
  [1, "#DB"],
  [2, "NMI"],
  [3, "#BP"],
  [4, "#OF"],
  [5, "#BR"],
  [6, "#UD"],
  [7, "#NM"],
  [8, "#DF"],
  [10, "#TS"],
  [11, "#NP"],
  [12, "#SS"],
  [13, "#GP"],
  [14, "#PF"],
  [16, "#MF"],
  [17, "#AC"],
  [18, "#MC"],
  [19, "#XM"],
  [20, "#VE"],
  [21, "#CP"],
  [28, "#HV"],
  [29, "#VC"],
  [30, "#SX"],
]);

export function exceptionOf(raw: bigint): Vector {
  return { kind: "vector", of: "exception", vector: bits(raw, 0, 8) };
}

export function interruptOf(raw: bigint): Vector {
  return { kind: "vector", of: "interrupt", vector: bits(raw, 0, 8) };
}

/** `#PF (14)`, `vector 0xec`. */
export function vectorText({ of, vector }: Vector): string {
  if (of === "interrupt") return `vector ${hex(vector)}`;
  const name = EXCEPTIONS.get(vector);
  return name === undefined ? `exception ${vector}` : `${name} (${vector})`;
}
