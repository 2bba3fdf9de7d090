// SPDX-License-Identifier: MIT
// Exit reasons as kvm_stat names them in its keys, kvm_exit(CPUID), and as we name those that it doesn't know.
import { STAT_KIND } from "../contract";
import { ARM64_CLASSES, ARM64_RETURNS, ARM64_TRAP } from "./arm64";
import { type Isa, reasonLabel, reasonName, reasonNames, reasonNumber } from "./index";
import { SVM_REASONS } from "./svm";
import { USERSPACE_REASONS, canReturn } from "./userspace";
import { VMX_REASONS } from "./vmx";

/** What defines a reason's code. */
export type ChildKind = keyof typeof STAT_KIND;

/** By the number in the addon's columns. */
export const CHILD_KINDS: ReadonlyMap<number, ChildKind> = new Map(
  Object.entries(STAT_KIND).map(([name, number]) => [number, name as ChildKind]),
);

// kvm_stat has the first and the last of the 32 exceptions only, by the names of the header's range.
const SVM_FIRST_EXCEPTION = 0x40;
const SVM_KVM_STAT: ReadonlyMap<number, string> = new Map([
  [SVM_FIRST_EXCEPTION, "EXCP_BASE"],
  [0x5f, "LAST_EXCP"],
]);

// Of arm64's traps the class alone, as in kvm_stat, which takes all other exits for class 0, UNKNOWN.
const ARM64: ReadonlyMap<number, string> = new Map([
  ...[...ARM64_CLASSES].map(([number, name]) => [ARM64_TRAP * 0x100 + number, name] as const),
  ...[...ARM64_RETURNS]
    .filter(([number]) => number !== ARM64_TRAP)
    .map(([number, name]) => [number * 0x100, name] as const),
]);

// Only these can fail an entry (Intel SDM, 3C, "VM-Entry Failures"); their children are there before the first.
const VMX_FAILED = [33, 34, 41].map((basic) => reasonNumber("vmx", 0x80000000 + basic));
const VMX: ReadonlyMap<number, string> = new Map([
  ...VMX_REASONS,
  ...VMX_FAILED.map((number) => [number, (reasonName("vmx", number) ?? "").replaceAll(" ", "_")] as const),
]);

// Others' are the reasons' own.
const TABLES: Readonly<Partial<Record<ChildKind, ReadonlyMap<number, string>>>> = {
  vmx: VMX,
  svm: new Map([...SVM_REASONS, ...SVM_KVM_STAT]),
  arm64: ARM64,
};

function tableOf(kind: ChildKind): ReadonlyMap<number, string> {
  const known = TABLES[kind];
  return known ?? (kind === "userspace" ? USERSPACE_REASONS : reasonNames(kind));
}

/** The names of all reasons that have one. */
export function childNames(kind: ChildKind): string[] {
  return [...tableOf(kind).values()];
}

/** The names of user space's reasons that a host with this instruction set never has. */
export function impossibleNames(isa: Isa): string[] {
  return [...USERSPACE_REASONS].flatMap(([number, name]) => (canReturn(isa, number) ? [] : [name]));
}

/** A reason's name in a key, from the kernel's unsigned 32 bits; one without a name is its number. */
export function childName(kind: ChildKind, raw: number): string {
  const number = reasonNumber(kind, raw);
  const name = tableOf(kind).get(number) ?? reasonName(kind, number) ?? reasonLabel(number);
  // A blank would part a child's key from its parent.
  return name.replaceAll(" ", "_");
}
