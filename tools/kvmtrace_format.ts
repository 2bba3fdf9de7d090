#!/usr/bin/env node
// kvmtrace_format: `kvm-trace format` under the name, and with the options, of the original.
import { formatCommand } from "./trace/format";
import { type Status, runTool } from "./lib/run";

runTool("kvmtrace_format", async () => {
  let status: Status = 0;
  const command = formatCommand("kvmtrace_format", "kvmtrace_format", (ended) => {
    status = ended;
  });
  await command.parseAsync();
  return status;
});
