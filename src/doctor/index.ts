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
  /** Of the native addon and its libbpf, where it loads. */
  readonly native: Pick<Support, "addon" | "libbpf"> | undefined;
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
  const isRaw = support !== undefined && !isDirect && support.rawObstacle === undefined;
  return {
    exits: isDirect
      ? "directly to KVM's raw tracepoints; by payload for --wide of count and slower"
      : isRaw
        ? `to KVM's raw tracepoints; by payload for vmm, --details, and --wide of count and slower${byPayload}`
        : `by payload of KVM's tracepoints${byPayload}`,
    split: isDirect ? "directly to functions of KVM" : `by probes of functions of KVM${byPayload}`,
    stat:
      isDirect || isRaw
        ? "to KVM's raw tracepoints, with reasons counted directly"
        : `to KVM's raw tracepoints, with reasons counted by payload${byPayload}`,
    trace: "by payload of KVM's tracepoints",
  };
}

const mib = (bytes: number) => `${(bytes / MIB).toFixed(0)} MiB`;

function memoryOf({ counts, details, histograms, split }: Support["memory"]): string {
  return (
    `tools of exits take ${mib(counts)} in the kernel, ${mib(details)} with --details; ` +
    `hist ${mib(histograms)}, split ${mib(split)}; --max-vcpus changes it; trace takes 2 MiB for each CPU, which --buffer changes`
  );
}

function addonFindings(look: () => Support): { support?: Support; found: Diagnosis[] } {
  try {
    const support = look();
    const meaning = `the native addon ${support.addon} loads from ${support.place}; it has libbpf ${support.libbpf}`;
    return {
      support,
      found: [
        { what: "addon", state: "good", meaning },
        { what: "memory", state: "good", meaning: memoryOf(support.memory) },
      ],
    };
  } catch (error) {
    const [meaning = "", ...mend] = messageOf(error).split("; ");
    return { found: [{ what: "addon", state: "bad", meaning, mend: mend.join("; ") }] };
  }
}

function vmFinding({ pids, isPartial }: VmProcesses, isRoot: boolean): Diagnosis {
  const count = pids.length === 0 ? "none runs" : pids.length === 1 ? "one runs" : `${pids.length} run`;
  return isPartial
    ? {
        what: "VMs",
        state: "unknown",
        meaning: `${count} that this process may look at`,
        mend: isRoot
          ? "run it on the host itself, with all of root's capabilities"
          : "run it with sudo to see all",
      }
    : { what: "VMs", state: "good", meaning: count };
}

/** All that is known of this host. Changes nothing, and needs no privileges for what it can see without. */
export function diagnose(machine: Machine, { support: look, processes }: Sources = HERE): Report {
  const { support, found } = addonFindings(look);
  const vms = processes(machine.root);
  const all: Diagnosis[] = [
    ...findings(machine),
    ...found,
    vmFinding(vms, machine.privileges?.isRoot ?? false),
  ];
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
    native: support && { addon: support.addon, libbpf: support.libbpf },
    vms: vms.pids.slice(0, MAX_VMS).map((pid) => vmOfProcess(pid, machine.root)),
    isWell: tools.every(({ lacks }) => lacks.length === 0),
  };
}
