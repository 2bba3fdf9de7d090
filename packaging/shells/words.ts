// SPDX-License-Identifier: MIT
// What the completions of all shells take from a tool's options and operands.
import { ARM64_CLASSES, ARM64_RETURNS } from "../../src/reasons/arm64";
import { PPC64_REASONS } from "../../src/reasons/ppc64";
import { RISCV64_REASONS } from "../../src/reasons/riscv64";
import { SVM_REASONS } from "../../src/reasons/svm";
import { VMX_REASONS } from "../../src/reasons/vmx";
import { type Kind, type Option, type Tool, isGroup } from "../../tools/lib/tool";
import type { Named } from "../commands";

/** How a shell offers the values of an option. */
export type Offers = Readonly<Record<Kind | "choices" | "other", (option: Option) => string>>;

/** What is offered for an option's value. */
export function offered(option: Option, offers: Offers): string {
  return offers[option.choices ? "choices" : (option.kind ?? "other")](option);
}

const inOneLine = (names: ReadonlyMap<number, string>) => [...names.values()].join(" ");

/** Names of exit reasons of x86's instruction sets. */
export const REASONS_OF_X86 = { svm: inOneLine(SVM_REASONS), vmx: inOneLine(VMX_REASONS) } as const;
/** The same of other architectures, as `uname -m` has them. */
export const REASONS: Readonly<Record<string, string>> = {
  aarch64: `${inOneLine(ARM64_CLASSES)} ${inOneLine(ARM64_RETURNS)}`,
  ppc64le: inOneLine(PPC64_REASONS),
  riscv64: inOneLine(RISCV64_REASONS),
};

/** What prints the pids of processes that run VMs, or VMs' names, one a line. */
export const PRINT_PIDS = "kvm-vmexit doctor --list pids 2>/dev/null";
export const PRINT_VMS = "kvm-vmexit doctor --list vms 2>/dev/null";

/** The name of the function that prints the reasons of the host. */
export const PRINT_REASONS = "__kvm_vmexit_reasons";

/** Whether a command's operands are of a kind. */
export function takes(tool: Tool, kind: Kind): boolean {
  return !isGroup(tool) && tool.operands.some((operand) => operand.kind === kind);
}

/** Whether any of the tools offers names of exit reasons. */
export function namesReasons(tree: readonly Named[]): boolean {
  return tree.some(
    ({ tool }) =>
      takes(tool, "reasons") ||
      (!isGroup(tool) && Object.values(tool.options).some(({ kind }) => kind === "reasons")),
  );
}

/** Whether what follows `--` is a command to run. */
export function runsCommand(tool: Tool): boolean {
  return !isGroup(tool) && tool.runsCommand === true;
}

/** The words that a tool is called with, `help` among them. */
export function wordsOf(tool: Tool): string[] {
  return isGroup(tool) ? [...tool.words.map(({ word }) => word), "help"] : [];
}

/** Text between single quotes. */
export function quoted(text: string, quoteInside: string): string {
  return `'${text.replaceAll("'", quoteInside)}'`;
}

/** A command's name as part of a function's. */
export function identifier(command: string): string {
  return command.replaceAll("-", "_");
}
