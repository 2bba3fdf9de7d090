// kvm-trace format: prints a recording by the rules of a definitions file.
import { type Command, Option } from "commander";
import { safeText } from "../../src/text";
import { consume } from "../../src/trace/consume";
import { parseDefinitions } from "../../src/trace/definitions";
import { Formatter } from "../../src/trace/formatter";
import type { ByteOrder } from "../../src/trace/layout";
import { outputWritten, printBytes, queueOutput } from "../lib/output";
import { command } from "./command";
import { megahertz } from "./megahertz";
import { endSignal, readBytes, recordings, reportCuts } from "./inputs";

interface FormatOptions {
  c?: string;
  merge?: boolean;
  byteOrder?: ByteOrder;
}

/** Output is handed on in pieces of about this size. */
const FLUSH_BYTES = 1 << 16;

async function format(
  tool: string,
  definitions: string,
  files: readonly string[],
  options: FormatOptions,
): Promise<void> {
  const name = safeText(definitions);
  const formatter = new Formatter(parseDefinitions(readBytes(definitions), name), name, megahertz(options.c));
  const signal = endSignal();
  queueOutput();
  const { merge = false, byteOrder } = options;
  // Whoever feeds a pipe line by line sees each line: what there is to read is printed before waiting for more.
  const pause = async () => {
    printBytes(formatter.take());
    await outputWritten();
  };
  try {
    const reading = { knows: formatter.knows.bind(formatter), merge, byteOrder, signal, pause };
    const cuts = await consume(recordings(files, signal), reading, (record) => {
      formatter.format(record);
      if (formatter.waiting >= FLUSH_BYTES) printBytes(formatter.take());
    });
    reportCuts(tool, cuts);
  } finally {
    printBytes(formatter.take());
  }
}

/** The command, as kvm-trace's subcommand `format` or under the original's own name. */
export function formatCommand(name: string, tool: string): Command {
  return command(name, tool, "Prints a recording of kvmtrace's format by the rules of a definitions file.", [
    [`${tool} formats trace.bin`, "every record as a line of text"],
    [`${tool} -c 1000 formats < trace.bin`, "seconds, of a clock in ns"],
    [`${tool} --merge formats trace.*`, "one file for each CPU"],
  ])
    .argument("<definitions>", "the rules: an event id, a space, a format such as %(tsc)d %(1)08x")
    .argument("[file...]", "recordings, one after another (default: standard input)")
    .option("-c <mhz>", "the clock's rate: tsc is then in seconds")
    .option("--merge", "take the records of all files in the order of their time stamps")
    .addOption(
      new Option("--byte-order <order>", "of a recording without a magic").choices(["little", "big"]),
    )
    .action((definitions: string, files: string[], options: FormatOptions) =>
      format(tool, definitions, files, options),
    );
}
