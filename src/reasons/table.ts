// SPDX-License-Identifier: MIT
// What the reasons of an instruction set are to the rest: one such table for each.

/** A vCPU that spins, an interrupt for the host, a fault at the guest's physical memory. */
export type Role = "pause" | "interrupt" | "fault";

/** An instruction set's codes: what the raw 32 bits of a reason mean. */
export interface ReasonTable {
  /** The reason as users know its number, from the kernel's unsigned 32 bits. */
  readonly number: (raw: number) => number;
  /** Its name, or undefined where the table has none. */
  readonly name: (number: number) => string | undefined;
  /** Every name with its number. */
  readonly names: () => Iterable<readonly [number, string]>;
  /** Reasons such as HLT: during the exit the vCPU has nothing to do. */
  readonly idle: ReadonlySet<number>;
  /** Reasons of exits that tell the same on all instruction sets that have them. */
  readonly roles: Readonly<Record<Role, readonly number[]>>;
  /** Other names that users know, such as kvm-bpf-tools'. */
  readonly aliases: Readonly<Record<string, string>>;
}

/** What a table may have in addition to its names. */
type Rest = Pick<ReasonTable, "roles"> & Partial<Pick<ReasonTable, "idle" | "aliases">>;

/** A table for numbers that users know as the kernel has them, with a name for each. */
export function plainTable(
  names: ReadonlyMap<number, string>,
  { roles, idle = new Set(), aliases = {} }: Rest,
): ReasonTable {
  return {
    number: (raw) => raw,
    name: (number) => names.get(number),
    names: () => names,
    idle,
    roles,
    aliases,
  };
}
