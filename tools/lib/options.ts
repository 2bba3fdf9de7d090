// The options that all tools share, as data, and how their values are checked.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { DEFAULT_VCPUS, MAX_PIDS, MAX_VCPUS, MAX_VCPU_IDS } from "../../src/contract";
import { UsageError } from "../../src/errors";
import { PACKAGE } from "../../src/assets";
import { GROUPINGS } from "../../src/measure/grouping";
import type { AttachMode } from "../../src/native/vmexit";
import { UNITS, type Unit } from "../../src/render/units";
import { parseVcpus } from "../../src/host/vcpus";
import { parserOutput } from "./output";
import { OVERHEAD_HELP } from "./overhead";

/** Raw values of the shared options, as commander leaves them. */
export interface SharedOptions {
  readonly pid?: readonly number[];
  readonly vm?: string;
  readonly vcpu?: readonly number[];
  readonly reasons?: string;
  readonly excludes?: string;
  readonly duration?: number;
  readonly json?: true;
  readonly csv?: true;
  readonly unit: Unit;
  readonly header: boolean;
  readonly strict?: true;
  readonly attach: AttachMode;
  readonly maxVcpus: number;
  readonly overhead?: true;
  readonly verbose?: true;
}

/** Which exits a user wants to see. */
export type FilterOptions = Pick<SharedOptions, "pid" | "vm" | "vcpu" | "reasons" | "excludes">;

/** What the command line said: the options, the operands before `--`, and the command after it. */
export interface Invocation<T> {
  readonly options: T;
  readonly operands: readonly string[];
  readonly command: readonly string[];
}

const MAX_SECONDS = 365 * 24 * 3600;
// PID_MAX_LIMIT of the kernel is 2^22.
const MAX_PID = 2 ** 22;

/** A whole number of `min` to `max`; anything else is refused in one line that names `what`. */
export function wholeNumber(what: string, text: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max))
    throw new UsageError(`${what} takes a whole number from ${min} to ${max}, not "${text}"`);
  return value;
}

/** Seconds, fractions allowed, up to a year. */
export function seconds(what: string, text: string): number {
  const value = /^(\d{1,9}(\.\d{0,9})?|\.\d{1,9})$/.test(text) ? Number(text) : NaN;
  if (!(value >= 0.001 && value <= MAX_SECONDS))
    throw new UsageError(`${what} takes seconds from 0.001 to ${MAX_SECONDS}, not "${text}"`);
  return value;
}

/** A list's option may be given several times: the lists add up, to `most` values. */
export function added<T>(
  what: string,
  most: number,
  parse: (text: string) => readonly T[],
): (text: string, before?: readonly T[]) => readonly T[] {
  return (text, before = []) => {
    const all = [...new Set([...before, ...parse(text)])];
    if (all.length > most)
      throw new UsageError(`${what} takes ${most} at most, not ${all.length}; name fewer`);
    return all;
  };
}

/** Lists whose words are checked later add up as text. */
function addedText(text: string, before?: string): string {
  return before === undefined ? text : `${before.replace(/,$/, "")},${text}`;
}

function pids(text: string): number[] {
  const words = text.split(",");
  if (words.length > 1 && words.at(-1) === "") words.pop();
  return [...new Set(words.map((word) => wholeNumber("--pid", word.trim(), 1, MAX_PID)))];
}

function vmName(text: string, before?: string): string {
  if (before !== undefined)
    throw new UsageError("--vm is given twice; give one name, or a pattern such as web-*");
  if (text === "") throw new UsageError(`--vm takes a VM's name, or a pattern such as web-*, not ""`);
  return text;
}

/** `--unit`, in which tables tell times. */
export function unitOption(): Option {
  return new Option("--unit <unit>", "unit of times in tables").choices([...UNITS]).default("ns");
}

/** Which exits to show. */
export const FILTERS: readonly Option[] = [
  new Option("-p, --pid <pids>", "trace only the VMs of these processes, separated by commas").argParser(
    added("--pid", MAX_PIDS, pids),
  ),
  new Option("--vm <name>", "show only VMs of this name, or of names like web-*").argParser(vmName),
  new Option("--vcpu <list>", "trace only vCPUs with these ids: 0,2-5").argParser(
    added("--vcpu", MAX_VCPU_IDS, (text) => parseVcpus("--vcpu", text)),
  ),
  new Option(
    "--reasons <reasons>",
    "show only these exit reasons, numbers or names separated by commas",
  ).argParser(addedText),
  new Option("--excludes <reasons>", "leave these exit reasons out").argParser(addedText),
];

const SHARED: readonly Option[] = [
  ...FILTERS,
  new Option("-d, --duration <sec>", "end after so many seconds").argParser((text) =>
    seconds("--duration", text),
  ),
  new Option("--json", "print JSON, one object a line"),
  new Option("--csv", "print CSV, the headings first").conflicts("json"),
  unitOption(),
  new Option("--no-header", "leave headings out"),
  new Option("--strict", "exit with status 3 if anything was lost"),
  new Option("--attach <how>", "auto, direct (BTF) or record (classic tracepoints)")
    .choices(["auto", "direct", "record"])
    .default("auto"),
  new Option("--max-vcpus <n>", "vCPUs that can be told apart at a time; 9.5 KiB each, with histograms 31")
    .argParser((text) => wholeNumber("--max-vcpus", text, 1, MAX_VCPUS))
    .default(DEFAULT_VCPUS),
  new Option("--overhead", OVERHEAD_HELP),
  new Option("-v, --verbose", "say on stderr how the programs attached, and what libbpf logs"),
];

export function version(): string {
  const text = readFileSync(join(PACKAGE, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** `--by`, for tools that show groups. */
export function byOption(): Option {
  return new Option("--by <what>", "what each gets a table: all together, or each VM or vCPU")
    .choices([...GROUPINGS])
    .default("reason");
}

/** Splits a command line at the first `--`: what comes behind is the command to run, whatever it looks like. */
function splitCommand(argv: readonly string[]): [string[], string[]] {
  const at = argv.indexOf("--");
  return at < 0 ? [[...argv], []] : [argv.slice(0, at), argv.slice(at + 1)];
}

/** A commander command with the shared options, which `configure` may add to. */
export function parseCommandLine<T extends SharedOptions>(
  argv: readonly string[],
  name: string,
  operands: string,
  description: string,
  examples: readonly (readonly [string, string])[],
  configure: (command: Command) => void = () => undefined,
): Invocation<T> {
  const [own, toRun] = splitCommand(argv);
  if (argv.includes("--") && toRun.length === 0)
    throw new UsageError(`there is no command behind --; name one, or leave -- out`);
  const command = new Command(name)
    .usage(`[options] ${operands} [-- COMMAND…]`)
    .description(description)
    .argument("[operands...]")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show this help")
    .configureHelp({ visibleArguments: () => [], helpWidth: 80 })
    .configureOutput(parserOutput(name))
    .exitOverride();
  configure(command);
  for (const option of SHARED) command.addOption(option);
  const width = Math.max(...examples.map(([example]) => example.length)) + 2;
  command.addHelpText(
    "after",
    `\nExamples:\n${examples.map(([example, what]) => `  ${example.padEnd(width)}${what}`).join("\n")}`,
  );
  command.parse(own, { from: "user" });
  return { options: command.opts<T>(), operands: command.args, command: toRun };
}

/** `[interval [count]]`: seconds between tables, and how many. */
export function parseInterval(operands: readonly string[]): {
  interval: number | undefined;
  count: number | undefined;
} {
  const [interval, count, ...rest] = operands;
  if (rest.length > 0)
    throw new UsageError(`"${rest.join(" ")}" is too much behind interval and count; leave it out`);
  return {
    interval: interval === undefined ? undefined : seconds("the interval", interval),
    count: count === undefined ? undefined : wholeNumber("the count", count, 1, 1e9),
  };
}
