// SPDX-License-Identifier: MIT
// Says what this host has and lacks for each tool.
import { diagnose } from "../../src/doctor";
import { nameOfVm, vmProcesses } from "../../src/host/vm";
import { byCodePoint } from "../../src/measure/order";
import { Machine } from "../../src/host/machine";
import { findingLines } from "../../src/render/findings";
import { outputColumns, print } from "../lib/output";
import { defineCommand } from "../lib/tool";
import { version } from "../lib/version";

// Shells expand what they offer, so that a name that others chose is offered only where it can mean nothing to them.
const HARMLESS = /^[\w.+-]+$/;

/** Pids or names of VMs that run, those that shells can offer. */
function listed(what: "pids" | "vms"): string[] {
  const { pids } = vmProcesses();
  if (what === "pids") return pids.map(String);
  const names = new Set(pids.map((pid) => nameOfVm(pid)).filter((name) => HARMLESS.test(name)));
  return [...names].sort(byCodePoint);
}

export const tool = defineCommand({
  summary: "Says what this host has and lacks for the tools, and how to mend it. Changes nothing.",
  examples: [
    ["", "can the tools run here, and how do they attach?"],
    ["--json", "the same for programs and bug reports"],
  ],
  operands: [],
  options: {
    json: { flags: ["--json"], description: "print one JSON object" },
    list: {
      flags: ["--list"],
      value: "WHAT",
      description:
        "print nothing but the pids of processes that run VMs, or VMs' names, one a line, for shells",
      choices: ["pids", "vms"],
      conflicts: ["json"],
    },
  },
  run({ options }) {
    if (options.list !== undefined) {
      print(listed(options.list));
      return Promise.resolve(0);
    }
    const { native, ...report } = diagnose(new Machine());
    const versions = { tool: version(), node: process.versions.node, ...native };
    if (options.json) print([JSON.stringify({ schema: "kvm-vmexit-doctor/1", versions, ...report })]);
    else
      print([`kvm-vmexit ${versions.tool}, Node ${versions.node}`, ...findingLines(report, outputColumns())]);
    return Promise.resolve(report.isWell ? 0 : 1);
  },
});
