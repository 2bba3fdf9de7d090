// Says what this host has and lacks for each tool.
import { diagnose } from "../../src/doctor";
import { Machine } from "../../src/host/machine";
import { findingLines } from "../../src/render/findings";
import { print } from "../lib/output";
import { defineCommand } from "../lib/tool";
import { version } from "../lib/version";

export const tool = defineCommand({
  summary: "Says what this host has and lacks for the tools, and how to mend it. Changes nothing.",
  examples: [
    ["", "can the tools run here, and how do they attach?"],
    ["--json", "the same for programs and bug reports"],
  ],
  operands: [],
  options: {
    json: { flags: ["--json"], description: "print one JSON object" },
  },
  run({ options }) {
    const report = diagnose(new Machine());
    const versions = { tool: version(), node: process.versions.node };
    if (options.json) print([JSON.stringify({ schema: "kvm-vmexit-doctor/1", versions, ...report })]);
    else print([`kvm-vmexit ${versions.tool}, Node ${versions.node}`, ...findingLines(report)]);
    return Promise.resolve(report.isWell ? 0 : 1);
  },
});
