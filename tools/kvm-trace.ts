#!/usr/bin/env node
// kvm-trace: records KVM's events in kvmtrace's format, and prints, sums up and converts such recordings.
import type { Command } from "commander";
import { version } from "./lib/options";
import { type Status, runTool } from "./lib/run";
import { command } from "./trace/command";
import { recordCommand } from "./trace/record";

const NAME = "kvm-trace";

/** The commands that read recordings. Their code is loaded apart: it would be a fifth of what `record` takes to start. */
async function readingCommands(ended: (status: Status) => void): Promise<Command[]> {
  const { formatCommand } = await import("./trace/format.js");
  const { reportCommand } = await import("./trace/report.js");
  const { exportCommand } = await import("./trace/export.js");
  return [
    formatCommand("format", `${NAME} format`, ended),
    reportCommand(`${NAME} report`, ended),
    exportCommand(`${NAME} export`, ended),
  ];
}

runTool(NAME, async () => {
  const argv = process.argv.slice(2);
  // What stands behind `--` is a command to run, whatever it looks like.
  const records = argv[0] === "record";
  const split = records ? argv.indexOf("--") : -1;
  const [own, toRun] = split < 0 ? [argv, []] : [argv.slice(0, split), argv.slice(split + 1)];
  let status: Status = 0;
  const ended = (of: Status) => {
    status = of;
  };
  const program = command(
    NAME,
    NAME,
    "Records KVM's events in kvmtrace's format, and prints, sums up and converts such recordings.",
    [
      [`${NAME} record -d 10`, "ten seconds, into kvm-trace.bin"],
      [`${NAME} report kvm-trace.bin`, "its exits by reason"],
      [`${NAME} format formats kvm-trace.bin`, "every record as a line of text"],
    ],
  )
    .addCommand(recordCommand(`${NAME} record`, toRun, ended))
    .version(version(), "-V, --version", "print the version");
  if (!records) for (const reading of await readingCommands(ended)) program.addCommand(reading);
  await program.parseAsync(own, { from: "user" });
  return status;
});
