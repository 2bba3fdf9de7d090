// SPDX-License-Identifier: MIT
// The names of what is counted: a field, or a child of one as `kvm_exit(CPUID) kvm_exit`, in the order of their code points.

/** What a key counted: altogether, and since the read before. */
export interface Count {
  value: number;
  delta: number;
}

/** Counts by key. A child's key ends with a blank and its parent's name. */
export type Counts = ReadonlyMap<string, Count>;

/** A key without its parent, as it is printed. */
export function labelOf(key: string): string {
  return key.split(" ", 1)[0] ?? key;
}

/** The parent's name in a child's key. */
export function parentOf(key: string): string | undefined {
  const blank = key.indexOf(" ");
  return blank < 0 ? undefined : key.slice(blank + 1);
}

/** The parent of a tracepoint's field: what comes before its reason. */
export function tracepointParent(field: string): string | undefined {
  const parenthesis = field.indexOf("(");
  return parenthesis < 0 ? undefined : field.slice(0, parenthesis);
}

/** The key of `field`, a child if it has a parent. */
export function keyOf(field: string, parent: string | undefined): string {
  return parent === undefined ? field : `${field} ${parent}`;
}
