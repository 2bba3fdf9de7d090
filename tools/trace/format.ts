// SPDX-License-Identifier: MIT
// kvm-trace format: prints a recording by the rules of a definitions file.
import { join } from "node:path";
import { PACKAGE } from "../../src/assets";
import { exists } from "../../src/host/read";
import { safeText } from "../../src/text";
import { consume } from "../../src/trace/consume";
import { parseDefinitions } from "../../src/trace/definitions";
import { Formatter } from "../../src/trace/formatter";
import type { Damage } from "../../src/trace/reader";
import { outputPending, outputWritten, printBytes, queueOutput } from "../lib/output";
import { type Options, type OptionsOf, defineCommand } from "../lib/tool";
import { megahertz } from "./megahertz";
import { DAMAGED, Damages, endSignal, readBytes, recordings, reportCuts } from "./inputs";

const OPTIONS = {
  c: {
    flags: ["-c"],
    value: "MHZ",
    description: "the rate of the recording's clock in MHz: time stamps are then in seconds",
  },
  merge: {
    flags: ["--merge"],
    description: "take the records of all files in the order of their time stamps",
  },
  byteOrder: {
    flags: ["--byte-order"],
    value: "ORDER",
    description: "of a recording without a magic number",
    choices: ["little", "big"],
  },
} as const satisfies Options;

type FormatOptions = OptionsOf<typeof OPTIONS>;

/** Output is handed on in pieces of about this size. */
const FLUSH_BYTES = 1 << 16;

/** The rules for what `record` writes, which come with the package, and their names on a command line. */
const OURS = "kvmtrace.formats";
const NAMES: ReadonlySet<string> = new Set(["formats", OURS]);

/** The path of a definitions file; the package's own is found by its name where there is no file of that name. */
function definitionsPath(named: string): string {
  return NAMES.has(named) && !exists(named) ? join(PACKAGE, "share", OURS) : named;
}

/** Resolves when all that was printed is written, or with the signal. */
async function writtenOr(signal: AbortSignal): Promise<void> {
  if (!outputPending() || signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      signal.removeEventListener("abort", end);
      resolve();
    };
    signal.addEventListener("abort", end);
    void outputWritten().then(end);
  });
}

async function format(
  tool: string,
  definitions: string,
  files: readonly string[],
  options: FormatOptions,
): Promise<number> {
  const name = safeText(definitions);
  const formatter = new Formatter(
    parseDefinitions(readBytes(definitionsPath(definitions)), name),
    name,
    megahertz(options.c),
  );
  const signal = endSignal();
  queueOutput();
  const { merge, byteOrder } = options;
  // What there is to read is printed before waiting for more: a reader of a pipe sees each line as it comes. No more is
  // read until it is taken.
  const pause = async () => {
    printBytes(formatter.take());
    await writtenOr(signal);
  };
  const sources = recordings(files, signal);
  const damages = new Damages(tool);
  const onDamage = (damage: Damage, source: number) => {
    damages.add(sources[source]?.name ?? "", damage);
  };
  try {
    const reading = { knows: formatter.knows.bind(formatter), merge, byteOrder, signal, pause, onDamage };
    const cuts = await consume(sources, reading, (record) => {
      formatter.format(record);
      return formatter.waiting >= FLUSH_BYTES;
    });
    reportCuts(tool, cuts);
    return damages.end() ? DAMAGED : 0;
  } finally {
    printBytes(formatter.take());
  }
}

export const tool = defineCommand({
  summary: "Prints a recording of kvmtrace's format by the rules of a definitions file.",
  examples: [
    ["formats trace.bin", "every record as a line of text"],
    ["-c 1000 formats < trace.bin", "seconds, of a clock in ns"],
    ["--merge formats trace.*", "one file for each CPU"],
  ],
  operands: [
    {
      name: "DEFINITIONS",
      description: "the rules: an event id, a space, a format such as %(tsc)d %(1)08x",
      kind: "file",
      required: true,
    },
    {
      name: "FILE",
      description: "recordings, one after another (default: standard input)",
      kind: "file",
      many: true,
    },
  ],
  options: OPTIONS,
  run: ({ name, operands: [definitions = "", ...files], options }) =>
    format(name, definitions, files, options),
});
