// SPDX-License-Identifier: MIT
// Names and numbers of exit reasons of every instruction set, both ways: the only place that knows them.
import { ISA, MAX_REASONS } from "../contract";
import { UsageError } from "../errors";
import { ARM64_CLASSES, ARM64_RETURNS, ARM64_ROLES, ARM64_TRAP, ARM64_WFX } from "./arm64";
import { type KernelNames, kernelNames } from "./kernel";
import { KVM_RUN_IDLE, KVM_RUN_REASONS } from "./kvm-run";
import { LOONG64 } from "./loong64";
import { nearest } from "./nearest";
import { PPC64 } from "./ppc64";
import { RISCV64 } from "./riscv64";
import { S390X } from "./s390x";
import { SVM_IDLE, SVM_REASONS, SVM_ROLES } from "./svm";
import type { ReasonTable, Role } from "./table";
import { VMX_IDLE, VMX_REASONS, VMX_ROLES } from "./vmx";

/** The instruction set that defines a reason's code. */
export type Isa = Exclude<Codes, "kvm_run">;

/** What defines a reason's code: an instruction set, or KVM_RUN's return to the VMM. */
export type Codes = keyof typeof ISA;

// Intel SDM, 3C, table "Format of Exit Reason": bit 31 says that the entry failed, bits 26 to 29 are circumstances
// (bus lock, enclave, MTF, root operation). With any other bit it isn't Intel's code: PVM's begin at 0x10000.
const VMX_FAILED_ENTRY = 0x80000000;
const VMX_FOREIGN_BITS = 0x43ff0000;
const FAILED = " FAILED_VMENTRY";
const TRAP = "TRAP ";
const SVM_FIRST_NEGATIVE = 0xffffff00;
// MAX_ERRNO of include/linux/err.h is 4095.
const FIRST_ERRNO = 2 ** 32 - 4095;

// Further names that the running kernel has: read when a name is first missing here, which mostly none is.
let kernelFormat = "";
let namesLearned: KernelNames | undefined;
const learned = () => (namesLearned ??= kernelNames(kernelFormat));

/**
 * Takes names from the running kernel where the tables here have none: kernels go on after this program was written.
 * @param format of tracepoint kvm_exit, as in tracefs
 */
export function learnReasons(format: string): void {
  kernelFormat = format;
  namesLearned = undefined;
}

function vmxName(number: number): string | undefined {
  if (number & VMX_FOREIGN_BITS) return undefined;
  const basic = VMX_REASONS.get(number % 0x10000) ?? learned().vmx.get(number % 0x10000);
  return basic !== undefined && number >= VMX_FAILED_ENTRY ? basic + FAILED : basic;
}

function arm64Name(number: number): string | undefined {
  const returned = ARM64_RETURNS.get(number >>> 8);
  if (returned === undefined || number >>> 8 !== ARM64_TRAP)
    return number % 0x100 === 0 ? returned : undefined;
  const exceptionClass = ARM64_CLASSES.get(number % 0x100);
  return exceptionClass === undefined ? undefined : TRAP + exceptionClass;
}

function* arm64Names(): Iterable<readonly [number, string]> {
  for (const [returned, name] of ARM64_RETURNS) if (returned !== ARM64_TRAP) yield [returned * 0x100, name];
  for (const [exceptionClass, name] of ARM64_CLASSES) yield [ARM64_TRAP * 0x100 + exceptionClass, name];
}

const TABLES: Readonly<Record<Codes, ReasonTable>> = {
  vmx: {
    number: (raw) => raw,
    name: vmxName,
    names: () => VMX_REASONS,
    idle: VMX_IDLE,
    roles: VMX_ROLES,
    aliases: {
      EXCEPTION_OR_NMI: "EXCEPTION_NMI",
      EXTERNAL_INT: "EXTERNAL_INTERRUPT",
      MOV_CR: "CR_ACCESS",
      MOV_DR: "DR_ACCESS",
      RDMSR: "MSR_READ",
      WRMSR: "MSR_WRITE",
      VMX_PREEMPT_TIMER: "PREEMPTION_TIMER",
    },
  },
  svm: {
    number: (raw) => (raw >= SVM_FIRST_NEGATIVE ? raw - 2 ** 32 : raw),
    name: (number) => SVM_REASONS.get(number),
    names: () => SVM_REASONS,
    idle: SVM_IDLE,
    roles: SVM_ROLES,
    aliases: { IO: "IOIO", HYPERCALL: "VMMCALL", INTERRUPT: "INTR" },
  },
  arm64: {
    number: (raw) => raw,
    name: arm64Name,
    names: arm64Names,
    idle: new Set([ARM64_TRAP * 0x100 + ARM64_WFX]),
    roles: ARM64_ROLES,
    // As the kernel prints it (kvm_arm_exception_type).
    aliases: { SERROR: "EL1_SERROR" },
  },
  kvm_run: {
    number: (raw) => (raw >= FIRST_ERRNO ? raw - 2 ** 32 : raw),
    name: (number) => KVM_RUN_REASONS.get(number),
    names: () => KVM_RUN_REASONS,
    idle: KVM_RUN_IDLE,
    roles: { pause: [], interrupt: [], fault: [] },
    aliases: {},
  },
  riscv64: RISCV64,
  ppc64: PPC64,
  loong64: LOONG64,
  s390x: S390X,
};

const ISAS: ReadonlyMap<number, Codes> = new Map(
  Object.entries(ISA).map(([name, number]) => [number, name as Codes]),
);

/** The instruction sets whose reasons have names. */
export const INSTRUCTION_SETS = [...ISAS.values()].filter((codes): codes is Isa => codes !== "kvm_run");

/** In place of an instruction set's number: of reasons that are counted together, since there were too many. */
export const OTHERS_ISA = 255;
const OTHERS = "others";
const OTHERS_NAME = "OTHERS";

/** The name of the isa number in the kernel's records; one that isn't known is named by its number. */
export function isaName(isa: number): string {
  return ISAS.get(isa) ?? (isa === OTHERS_ISA ? OTHERS : `isa${isa}`);
}

/** The isa number of a name that isaName() gives; undefined if it is none. */
export function isaNumber(isa: string): number | undefined {
  if (isa === OTHERS) return OTHERS_ISA;
  const unknown = /^isa(\d{1,3})$/.exec(isa)?.[1];
  if (unknown !== undefined) return Number(unknown);
  return Object.hasOwn(ISA, isa) ? ISA[isa as Isa] : undefined;
}

/** The instruction set of that number; undefined if it isn't known. */
export function knownIsa(isa: number): Codes | undefined {
  return ISAS.get(isa);
}

function tableOf(isa: string): ReasonTable | undefined {
  return Object.hasOwn(TABLES, isa) ? TABLES[isa as Codes] : undefined;
}

/** Whether reasons are KVM_RUN's: exits to the VMM, which are among a guest's exits a second time. */
export function isOfVmm(isa: string): boolean {
  return isa === "kvm_run";
}

/** A reason's number as its instruction set's manual gives it (SVM's errors are negative) from the raw 32 bits. */
export function reasonNumber(isa: string, raw: number): number {
  return tableOf(isa)?.number(raw) ?? raw;
}

/** A reason's name, or undefined if that number has none. */
export function reasonName(isa: string, number: number): string | undefined {
  const table = tableOf(isa);
  if (isa === OTHERS) return OTHERS_NAME;
  return table && (table.name(number) ?? learned()[isa as Codes].get(rawReason(number)));
}

/** All reasons of an instruction set that have names, by their numbers, as far as this program knows them. */
export function reasonNames(isa: Codes): Map<number, string> {
  return new Map(TABLES[isa].names());
}

/** Whether exits of this reason last while the vCPU has nothing to do: HLT and the like. */
export function isIdle(isa: string, number: number): boolean {
  return tableOf(isa)?.idle.has(number) ?? false;
}

const hasRole = (isa: string, number: number, role: Role) =>
  tableOf(isa)?.roles[role].includes(number) ?? false;

/** Whether the vCPU spun: exits for PAUSE. */
export function isPause(isa: string, number: number): boolean {
  return hasRole(isa, number, "pause");
}

/** Whether the host was interrupted. */
export function isInterrupt(isa: string, number: number): boolean {
  return hasRole(isa, number, "interrupt");
}

/** Whether the guest faulted at its physical memory; of all but VMX also at a device. */
export function isFault(isa: string, number: number): boolean {
  return hasRole(isa, number, "fault");
}

/** The kernel's unsigned 32 bits of a reason's number. */
export function rawReason(number: number): number {
  return number < 0 ? number + 2 ** 32 : number;
}

/** How a reason's number is printed: decimal, and hexadecimal where flags make decimal unreadable. */
export function reasonLabel(number: number): string {
  return number >= 0x10000 ? `0x${number.toString(16)}` : String(number);
}

// Asked for with every line.
const labelWidths = new Map<string, number>();

/** How wide the numbers of an instruction set are, except negative and hexadecimal ones; 3 at least. */
export function labelWidth(isa: string): number {
  const known = labelWidths.get(isa);
  if (known !== undefined) return known;
  const numbers = Array.from(tableOf(isa)?.names() ?? [], ([number]) => number);
  const lengths = numbers.map((number) => (number < 0x10000 ? reasonLabel(number).length : 0));
  const width = Math.max(3, ...lengths);
  labelWidths.set(isa, width);
  return width;
}

const NUMBER = /^-?(\d+|0x[0-9a-f]+)$/i;

/** Whether a word is a number, or the name of some reason of some instruction set, in any case. */
export function isReasonWord(word: string): boolean {
  if (NUMBER.test(word) || word.toUpperCase() === OTHERS_NAME) return true;
  return (Object.keys(TABLES) as Codes[]).some((codes) => numberOfName(codes, word) !== undefined);
}

/** The reason that has this name, also as reasonName() writes it: `TRAP WFx`, `MSR_READ FAILED_VMENTRY`. */
function numberOfName(isa: Codes, word: string): number | undefined {
  const name = word.toUpperCase();
  if (isa === "vmx" && name.endsWith(FAILED)) {
    const basic = numberOfName(isa, name.slice(0, -FAILED.length));
    return basic === undefined ? undefined : basic + VMX_FAILED_ENTRY;
  }
  const wanted = TABLES[isa].aliases[name] ?? name;
  for (const [number, known] of TABLES[isa].names()) if (known.toUpperCase() === wanted) return number;
  for (const [raw, known] of learned()[isa]) if (known === wanted) return reasonNumber(isa, raw);
  return isa === "arm64" && name.startsWith(TRAP) ? numberOfName(isa, name.slice(TRAP.length)) : undefined;
}

/** The reason that a user means by a word, a number or a name in any case; undefined if it is none of this instruction set. */
export function reasonCalled(isa: string, word: string): number | undefined {
  const codes = knownIsa(isaNumber(isa) ?? 0);
  if (codes) return NUMBER.test(word) ? numberWritten(codes, word) : numberOfName(codes, word);
  if (isa === OTHERS) return word.toUpperCase() === OTHERS_NAME ? 0 : undefined;
  return NUMBER.test(word) ? Number(word) : undefined;
}

/**
 * Checks that a word can be a reason of one of these instruction sets; of those that aren't known, any number can.
 * @throws UsageError, as parseReasons(), where none has it
 */
export function checkReason(isas: readonly string[], word: string): void {
  let fault: UsageError | undefined;
  for (const isa of isas) {
    const codes = knownIsa(isaNumber(isa) ?? 0);
    if (!codes || word.toUpperCase() === OTHERS_NAME) return;
    try {
      parseReason(codes, word);
      return;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      fault ??= error;
    }
  }
  if (fault) throw fault;
}

/** The reason that a user wrote as a number, whether it has a name or not; undefined where 32 bits can't be it. */
function numberWritten(isa: Codes, word: string): number | undefined {
  const magnitude = Number(word.replace("-", ""));
  const negative = word.startsWith("-");
  const raw = rawReason(negative ? -magnitude : magnitude);
  const number = raw >= 0 && raw < 2 ** 32 ? reasonNumber(isa, raw) : undefined;
  return number !== undefined && negative && number > 0 ? undefined : number;
}

/** For a number without a name: the reason of this instruction set that has that number in another one. */
function mistaken(isa: Codes, number: number): string | undefined {
  if (reasonName(isa, number) !== undefined) return undefined;
  for (const other of Object.keys(TABLES) as Codes[]) {
    if (other === "kvm_run" || isa === "kvm_run") continue;
    const name = reasonName(other, number);
    const here = name === undefined ? undefined : numberOfName(isa, name);
    if (name !== undefined && here !== undefined) return `${name} is ${reasonLabel(here)} here`;
  }
  return undefined;
}

function nearestNames(isa: Codes, word: string): string {
  const names = [...TABLES[isa].names()].map(([, name]) => name);
  return `the nearest are ${nearest(word.toUpperCase(), names, 3).join(", ")}`;
}

function parseReason(isa: Codes, word: string): number {
  const isNumber = NUMBER.test(word);
  const number = isNumber ? numberWritten(isa, word) : numberOfName(isa, word);
  const fault =
    number !== undefined
      ? mistaken(isa, number)
      : isNumber
        ? "a reason is a number of 32 bits"
        : nearestNames(isa, word);
  if (number === undefined || fault !== undefined)
    throw new UsageError(
      `"${word}" is ${isOfVmm(isa) ? "no reason for which KVM_RUN returns" : `not an exit reason of ${isa}`}; ${fault ?? ""}`,
      "E_REASON",
    );
  return number;
}

/**
 * The reasons that a user named, as numbers of `isa`.
 * @param list numbers (decimal, hexadecimal, negative) and names in either case, separated by commas, of which one
 *   may come last; numbers need no name, because the kernel counts reasons without names, too
 * @throws UsageError naming the word that isn't a reason of this instruction set, and what may have been meant
 */
export function parseReasons(isa: Codes, list: string): Set<number> {
  const words = list.split(",").map((word) => word.trim());
  if (words.length > 1 && words.at(-1) === "") words.pop();
  if (words.includes(""))
    throw new UsageError(`the list of reasons, "${list}", names none in a place; write HLT or HLT,MSR`);
  const numbers = new Set(words.map((word) => parseReason(isa, word)));
  if (numbers.size > MAX_REASONS)
    throw new UsageError(`the list names ${numbers.size} reasons; name ${MAX_REASONS} at most`);
  return numbers;
}
