// What the completions of all shells take from a tool's help.
import { SVM_REASONS } from "../../src/reasons/svm";
import { VMX_REASONS } from "../../src/reasons/vmx";
import type { Help, HelpOption } from "../help";

/** A tool, and the commands it has, if any. */
export interface Tool {
  readonly help: Help;
  readonly commands: readonly Help[];
}

/** What an option's value or an operand is, as --help calls it: one of these words, or another. */
export type Kind = "choices" | "pids" | "reasons" | "file" | "other";

/** How a shell offers the values of an option. */
export type Offers = Readonly<Record<Kind, (option: HelpOption) => string>>;

function kindOf(name: string): Kind {
  if (name === "pids" || name === "reasons") return name;
  return /^(file|out|definitions)(\.\.\.)?$/.test(name) ? "file" : "other";
}

/** What is offered for an option's value. */
export function offered(option: HelpOption, offers: Offers): string {
  return offers[option.choices.length > 0 ? "choices" : kindOf(option.value ?? "")](option);
}

/** Whether an option takes a list, which may also come in parts, each with the option. */
export function repeats({ value = "" }: HelpOption): boolean {
  return ["pids", "list", "reasons"].includes(value);
}

/** Names of exit reasons: those of a host with AMD's module of KVM, and those of others. */
export const REASONS = {
  module: "/sys/module/kvm_amd",
  svm: [...SVM_REASONS.values()].join(" "),
  vmx: [...VMX_REASONS.values()].join(" "),
} as const;

/** Whether a command's operands are exit reasons. */
export function takesReasons({ usage }: Help): boolean {
  return usage.includes("[REASON");
}

/** Whether a tool needs the names of exit reasons. */
export function namesReasons({ help, commands }: Tool): boolean {
  return [help, ...commands].some(({ options }) => options.some(({ value }) => value === "reasons"));
}

/** Whether a command's operands are files. */
export function takesFiles({ operands }: Help): boolean {
  return operands.some(([name]) => kindOf(name) === "file");
}

/** Whether what stands behind `--` is a command to run. */
export function runsCommand({ usage }: Help): boolean {
  return usage.includes("[-- COMMAND");
}

/** The word that names a command of a tool. */
export function wordOf(command: Help): string {
  return command.name.split(" ")[1] ?? "";
}

/** What an option does, without its values: these are offered themselves. */
export function shortly({ description }: HelpOption): string {
  return description.replace(/ ?\((choices|default): .*/, "");
}

/** Text between single quotes. */
export function quoted(text: string, quoteInside: string): string {
  return `'${text.replaceAll("'", quoteInside)}'`;
}

/** A tool's name as part of a function's. */
export function identifier({ help }: Tool): string {
  return help.name.replaceAll("-", "_");
}
