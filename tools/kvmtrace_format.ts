#!/usr/bin/env node
// kvmtrace_format: `kvm-trace format` under the name, and with the options, of the original.
import { formatCommand } from "./trace/format";
import { runTool } from "./lib/run";

runTool("kvmtrace_format", async () => {
  await formatCommand("kvmtrace_format", "kvmtrace_format").parseAsync();
  return 0;
});
