// SPDX-License-Identifier: MIT
// What a host's doctor says: every finding about it, and which tools can run.
import { messageOf } from "../errors";
import { type Finding, findings } from "../host/findings";
import type { Machine } from "../host/machine";
import { COUNTING, REPORTING, TRACING } from "../host/preflight";
import { type Vm, type VmProcesses, vmOfProcess, vmProcesses } from "../host/vm";
import { type Support, supportHere } from "../native/support";

/** A finding. Some names of findings are the doctor's alone. */
export interface Diagnosis extends Omit<Finding, "what"> {
  readonly what: string;
}

/** Tools that need the same, by their words. */
export interface ToolState {
  readonly tools: readonly string[];
  /** How their programs attach here, and why; undefined if they have none. */
  readonly attach: string | undefined;
  /** Names of the bad findings about what they need. */
  readonly lacks: readonly string[];
}

export interface Report {
  readonly findings: readonly Diagnosis[];
  readonly tools: readonly ToolState[];
  readonly vms: readonly Vm[];
  /** Whether each tool can run. */
  readonly isWell: boolean;
}

/** What is looked at apart from the machine, for tests to take the place of. */
export interface Sources {
  readonly support: () => Support;
  readonly processes: (root: string) => VmProcesses;
}

const HERE: Sources = { support: () => supportHere(), processes: vmProcesses };

/** Of the most that are told; the others are counted. */
const MAX_VMS = 100;
const MIB = 2 ** 20;

const NEEDS: readonly (readonly [
  tools: readonly string[],
  needs: readonly string[],
  attach: keyof Ways | undefined,
])[] = [
  [["count", "time", "hist"], COUNTING, "exits"],
  [["top", "export", "vmm"], COUNTING, "exits"],
  [["slower"], REPORTING, "exits"],
  [["split"], COUNTING, "split"],
  [["stat"], TRACING, "stat"],
  [["trace"], TRACING, "trace"],
  [["report"], [], undefined],
];

interface Ways {
  readonly exits: string;
  readonly split: string;
  readonly stat: string;
  readonly trace: string;
}

function waysOf(support: Support | undefined): Ways {
  const byPayload = support?.obstacle === undefined ? "" : `: ${support.obstacle}`;
  const isDirect = support !== undefined && support.obstacle === undefined;
  return {
    exits: isDirect
      ? "directly to KVM's raw tracepoints; by payload for --wide of count and slower"
      : `by payload of KVM's tracepoints${byPayload}`,
    split: isDirect ? "directly to functions of KVM" : `by probes of functions of KVM${byPayload}`,
    stat: isDirect
      ? "to KVM's raw tracepoints, with reasons counted directly"
      : `to KVM's raw tracepoints, with reasons counted by payload${byPayload}`,
    trace: "by payload of KVM's tracepoints",
  };
}

function addonFindings(look: () => Support): { support?: Support; found: Diagnosis[] } {
  try {
    const support = look();
    const mib = (bytes: number) => `${(bytes / MIB).toFixed(0)} MiB`;
    return {
      support,
      found: [
        { what: "addon", state: "good", meaning: `the native addon loads; it has libbpf ${support.libbpf}` },
        {
          what: "memory",
          state: "good",
          meaning:
            `count, time and slower take ${mib(support.countBytes)} in the kernel, hist ${mib(support.histogramBytes)}; ` +
            "--max-vcpus changes it",
        },
      ],
    };
  } catch (error) {
    const [meaning = "", ...mend] = messageOf(error).split("; ");
    return { found: [{ what: "addon", state: "bad", meaning, mend: mend.join("; ") }] };
  }
}

function vmFinding({ pids, isPartial }: VmProcesses): Diagnosis {
  const count = pids.length === 0 ? "none runs" : pids.length === 1 ? "one runs" : `${pids.length} run`;
  return isPartial
    ? {
        what: "VMs",
        state: "unknown",
        meaning: `${count} that this process may look at`,
        mend: "run it with sudo to see all",
      }
    : { what: "VMs", state: "good", meaning: count };
}

/** All that is known of this host. Changes nothing, and needs no privileges for what it can see without. */
export function diagnose(machine: Machine, { support: look, processes }: Sources = HERE): Report {
  const { support, found } = addonFindings(look);
  const vms = processes(machine.root);
  const all: Diagnosis[] = [...findings(machine), ...found, vmFinding(vms)];
  const bad = all.filter(({ state }) => state === "bad").map(({ what }) => what);
  const ways = waysOf(support);
  const tools = NEEDS.map(([tools, needs, attach]) => ({
    tools,
    attach: attach && ways[attach],
    lacks: bad.filter((what) => what === "addon" || needs.includes(what)),
  }));
  return {
    findings: all,
    tools,
    vms: vms.pids.slice(0, MAX_VMS).map((pid) => vmOfProcess(pid, machine.root)),
    isWell: tools.every(({ lacks }) => lacks.length === 0),
  };
}
