// SPDX-License-Identifier: MIT
// Names of exit reasons as the running kernel prints them: the tables in the print format of tracepoint kvm_exit.
import { ISA } from "../contract";
import { ARM64_TRAP } from "./arm64";
import type { Codes } from "./index";

/** Names by the kernel's unsigned 32 bits, for the table of each kind; empty where the format has none of it. */
export type KernelNames = Readonly<Record<Codes, ReadonlyMap<number, string>>>;

// `__print_symbolic(REC->exit_reason & 0xffff, { 0, "EXCEPTION_NMI" }, …)`
const TABLE = /__print_symbolic\(([^,]+),((?:\s*\{[^{}]*\}\s*,?)+)\)/g;
// `{ 0x040 + 1, "DB excp" }`, `{ (((0x16UL))), "HVC64" }`, `{ -1ull, "invalid_guest_state" }`
const ENTRY = /\{([^{}"]*),\s*"([^"]*)"\s*\}/g;
const TERM = /-?(?:0x[0-9a-f]+|\d+)/gi;

/** The sum that an entry's number is written as, as 32 bits. */
function valueOf(text: string): number {
  const terms = text.match(TERM) ?? [];
  return (
    terms.reduce((sum, term) => sum + (term.startsWith("-") ? -Number(term.slice(1)) : Number(term)), 0) >>> 0
  );
}

/** Names look like those of our tables: "idle-halt" is IDLE_HALT. */
function entriesOf(text: string, raw: (value: number) => number, prefix = ""): [number, string][] {
  return [...text.matchAll(ENTRY)].map(([, value = "", name = ""]) => [
    raw(valueOf(value)),
    prefix + name.toUpperCase().replace(/[^A-Z0-9_]/g, "_"),
  ]);
}

/** Reads the tables of kvm_exit's tracefs `format`; kinds that it doesn't have stay empty. */
export function kernelNames(format: string): KernelNames {
  const names = Object.fromEntries(
    Object.keys(ISA).map((codes) => [codes, new Map<number, string>()]),
  ) as Record<Codes, Map<number, string>>;
  const add = (to: Map<number, string>, entries: readonly [number, string][]) => {
    for (const [value, name] of entries) to.set(value, name);
  };
  for (const [, expression = "", entries = ""] of format.matchAll(TABLE)) {
    if (expression.includes("esr_ec"))
      add(
        names.arm64,
        entriesOf(entries, (value) => ARM64_TRAP * 0x100 + value, "TRAP "),
      );
    else if (expression.includes("ret"))
      add(
        names.arm64,
        entriesOf(entries, (value) => (value * 0x100) >>> 0).filter(
          ([value]) => value !== ARM64_TRAP * 0x100,
        ),
      );
    else if (expression.includes("trap"))
      add(
        names.ppc64,
        entriesOf(entries, (value) => value),
      );
    else if (expression.includes("& 0xffff"))
      add(
        names.vmx,
        entriesOf(entries, (value) => value),
      );
    else if (expression.includes("exit_reason"))
      add(
        names.svm,
        entriesOf(entries, (value) => value),
      );
  }
  return names;
}
