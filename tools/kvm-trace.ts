#!/usr/bin/env node
// kvm-trace: records KVM's events in kvmtrace's format, and prints, sums up and converts such recordings.
import { runTool } from "./lib/run";
import { command } from "./trace/command";
import { formatCommand } from "./trace/format";

const NAME = "kvm-trace";

runTool(NAME, async () => {
  const program = command(
    NAME,
    NAME,
    "Records KVM's events in kvmtrace's format, and prints, sums up and converts such recordings.",
    [[`${NAME} format formats trace.bin`, "every record as a line of text"]],
  ).addCommand(formatCommand("format", `${NAME} format`));
  await program.parseAsync();
  return 0;
});
