#!/usr/bin/env node
// kvm-trace: records KVM's events in kvmtrace's format, and prints, sums up and converts such recordings.
import { version } from "./lib/options";
import { type Status, runTool } from "./lib/run";
import { command } from "./trace/command";
import { exportCommand } from "./trace/export";
import { formatCommand } from "./trace/format";
import { recordCommand } from "./trace/record";
import { reportCommand } from "./trace/report";

const NAME = "kvm-trace";

runTool(NAME, async () => {
  const argv = process.argv.slice(2);
  // What stands behind `--` is a command to run, whatever it looks like.
  const split = argv[0] === "record" ? argv.indexOf("--") : -1;
  const [own, toRun] = split < 0 ? [argv, []] : [argv.slice(0, split), argv.slice(split + 1)];
  let status: Status = 0;
  const program = command(
    NAME,
    NAME,
    "Records KVM's events in kvmtrace's format, and prints, sums up and converts such recordings.",
    [
      [`${NAME} record -d 10`, "KVM's events of ten seconds, into kvm-trace.bin"],
      [`${NAME} report kvm-trace.bin`, "its exits by reason"],
      [`${NAME} format formats kvm-trace.bin`, "every record as a line of text"],
    ],
  )
    .addCommand(
      recordCommand(`${NAME} record`, toRun, (ended) => {
        status = ended;
      }),
    )
    .addCommand(formatCommand("format", `${NAME} format`))
    .addCommand(reportCommand(`${NAME} report`))
    .addCommand(exportCommand(`${NAME} export`))
    .version(version(), "-V, --version", "print the version");
  await program.parseAsync(own, { from: "user" });
  return status;
});
