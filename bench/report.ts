// SPDX-License-Identifier: MIT
// Puts the kernels' results together as docs/bench.json and docs/bench.md.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Bench,
  type Machine,
  type MachineResult,
  type Measured,
  NESTED,
  type Origin,
  type Printed,
  type ProcessResult,
  type Turn,
  WORKLOADS,
  firstTurn,
  originNow,
} from "./results";

const ROOT = join(__dirname, "..", "..");
const MACHINES = ["svm-bullseye", "svm-bookworm", "svm-trixie", "svm-sid", "vmx-bullseye", "vmx-bookworm"];
const NESTED_MACHINES = MACHINES.map((machine) => `${machine}-nested`);

const HEAD = `# What tracing costs

Written by \`make bench\`. Instructions added to one exit, on emulated processors whose instructions are counted
(\`lab/run --icount\`): the same on every machine. SVM is QEMU's (\`-cpu qemu64,+svm,+npt\`), VMX is Bochs's (Haswell). All
rows of a column come from one boot of the kernel. Real processors differ in how long an instruction takes, less in which
program takes more of them.

**thread** is the CPU time of the vCPU's own thread: what the exit itself became longer by. **elapsed** is the time
of the guest, on a machine of one CPU: it also contains what the tool's process took meanwhile. On a host with an idle CPU
that process would run there. The two differ for tools that copy events to user space, and hardly for those that count in the kernel.
Peers are of Debian 12 (perf 6.1, bpftrace 0.17, trace-cmd 3.1) on every kernel, watching the whole machine.

A part that a run doesn't measure stays as the last one that did has it:
`;

const FOOT = `
\`kvm-stat\` counts all of KVM's events, three for each \`cpuid\`; \`kvm_stat -t\` opens a perf event for each of them on each CPU.
**kvmexit** of bcc knows VMX only. It takes the raw tracepoint's first argument for the reason, which it was in 5.10: there it
costs less than our programs that read the payload, and counts without times and levels. In later kernels that argument is the
vCPU's address, which kvmexit drops as a reason too large.
\`perf kvm stat live\` records the events of all kinds, whichever \`--event\` shows.
`;

/** The last measurement of each part. */
const before = JSON.parse(readFileSync(join(ROOT, "docs/bench.json"), "utf8")) as Bench;

/** A file that a part of the bench has written, "" if it has not run. */
function readPart(name: string): string {
  const path = join(ROOT, "build/bench", name);
  return existsSync(path) ? readFileSync(path, "utf8").trim() : "";
}

function readMachine(machine: string): MachineResult[] {
  const text = readPart(`${machine}.json`);
  if (text === "") return [...before.results, ...before.nested].filter((last) => last.machine === machine);
  const [about = "", ...measured] = text.split("\n");
  return [
    { ...(JSON.parse(about) as Machine), contestants: measured.map((line) => JSON.parse(line) as Measured) },
  ];
}

function readProcess(): ProcessResult {
  const text = readPart("process.json");
  return text === "" ? before.process : (JSON.parse(text) as ProcessResult);
}

function readPrinted(name: string, last: Printed): Printed {
  const text = readPart(name);
  return text === "" ? last : { ...originNow(), text };
}

const whole = (value: number) => Math.round(value).toLocaleString("en-US");

/** A machine's name in a table's head and in sentences. */
function title({ machine, release }: MachineResult): string {
  return `${machine.split("-")[0]?.toUpperCase() ?? ""} ${release}`;
}

/** What a contestant adds, as text: thread, and elapsed after it where that is another number. */
function added(turn: Turn | undefined, base: Turn | undefined, withElapsed: boolean): string {
  if (!turn || !base) return "–";
  const thread = turn.thread - base.thread;
  const elapsed = turn.elapsed - base.elapsed;
  return withElapsed ? `${whole(thread)} / ${whole(elapsed)}` : whole(thread);
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function workloadTable(results: readonly MachineResult[], workload: string, withElapsed: boolean): string[] {
  const measured = (name: string) =>
    results.some(({ contestants }) => contestants.some((one) => one.name === name && one.turns[workload]));
  const names = [...new Set(results.flatMap((result) => result.contestants.map(({ name }) => name)))].filter(
    measured,
  );
  const find = (result: MachineResult, name: string): Measured | undefined =>
    result.contestants.find((contestant) => contestant.name === name);
  return [
    row(["instructions added", ...results.map(title)]),
    row(["---", ...results.map(() => "---:")]),
    row([
      "without tracing",
      ...results.map(({ base: { turns } }) => {
        const turn = turns[workload];
        return turn ? `(${whole(turn.thread)})` : "–";
      }),
    ]),
    ...names.map((name) =>
      row([
        name,
        ...results.map((result) =>
          added(find(result, name)?.turns[workload], result.base.turns[workload], withElapsed),
        ),
      ]),
    ),
  ];
}

/** How far two runs of the first workload lie apart, at most, of the contestants of a group. */
function steadiness(results: readonly MachineResult[], group: string): string {
  const differences = results
    .flatMap(({ base, contestants }) => [base, ...contestants])
    .filter((measured) => measured.group === group)
    .flatMap((measured) => {
      const turn = firstTurn(measured)?.[1];
      const { again } = measured;
      return turn && again ? [Math.abs(turn.thread - again.thread)] : [];
    });
  return Math.max(0, ...differences).toFixed(1);
}

function steadyGroups(results: readonly MachineResult[]): string {
  return ["floor", "ours", "peers"].map((group) => `${steadiness(results, group)} (${group})`).join(", ");
}

/** A machine's name in sentences, where those with guests of guests are told apart. */
function titleApart(result: MachineResult): string {
  return title(result) + (result.machine.endsWith("-nested") ? " (nested)" : "");
}

/** Appends to the list of a key. */
function addTo(lists: Map<string, string[]>, key: string, value: string): void {
  lists.set(key, [...(lists.get(key) ?? []), value]);
}

/** What wasn't measured: a line for each reason and the machines that had it. */
function failures(results: readonly MachineResult[]): string[] {
  const machines = new Map<string, string[]>();
  for (const result of results)
    for (const { name, failure, blind } of result.contestants) {
      const [program = ""] = name.split(" ");
      const reason = failure?.replace(`${program}: `, "").replace(/[\\`|<>]/g, " ");
      if (reason !== undefined) addTo(machines, `${name}\n${reason}`, titleApart(result));
      if (blind)
        addTo(
          machines,
          `${name}\nit counted none of these exits; that is what its figure is of`,
          titleApart(result),
        );
    }
  const names = new Map<string, string[]>();
  for (const [key, where] of machines) {
    const [name = "", reason = ""] = key.split("\n");
    addTo(names, `on ${where.join(", ")}: ${reason}`, name);
  }
  const lines = [...names].map(([rest, who]) => `- ${who.join(", ")} ${rest}`);
  return lines.length > 0 ? ["", "Not measured:", "", ...lines] : [];
}

/** What each program is to each kernel: instructions that the verifier walked, and bytes of machine code. */
function programTable(results: readonly MachineResult[]): string[] {
  const sizes = new Map<string, Map<string, string>>();
  for (const result of results)
    for (const { tool, program, verified, bytes } of result.programs) {
      const key = `${tool} | ${program}`;
      const cells = sizes.get(key) ?? new Map<string, string>();
      sizes.set(key, cells.set(title(result), `${whole(verified)} / ${whole(bytes)}`));
    }
  return [
    "",
    "## The programs",
    "",
    "Instructions that the verifier walked (5.10 doesn't say) / bytes of machine code. `test/lab/programs.test.ts` bounds both,",
    "and those of kvm-trace, which has a program of its own for each event.",
    "",
    row(["tool", "program", ...results.map(title)]),
    row(["---", "---", ...results.map(() => "---:")]),
    ...[...sizes].map(([key, cells]) =>
      row([key, ...results.map((result) => cells.get(title(result)) ?? "")]),
    ),
  ];
}

function processSections({ release, start, many, snapshots, tools }: ProcessResult): string[] {
  const million = (ns: number) => (ns / 1e6).toFixed(1);
  const { nodeNs, compileNs, openNs } = start;
  const ofCode =
    (tools.find(({ name }) => name === "kvm-vmexit-count")?.startNs ?? NaN) - nodeNs - compileNs - openNs;
  return [
    "",
    "## Many vCPUs",
    "",
    `${many.vms} VMs of ${many.vcpus / many.vms} vCPUs each, all at a time, under kvm-vmexit-time on ${release}: of ${whole(many.cpuids)} CPUID`,
    `exits, ${whole(many.counted)} were counted. Added to one exit: ${whole(many.addedTogether)} instructions; ${whole(many.addedAlone)} with a single vCPU on the machine.`,
    "A quarter of the accounts are taken then, so those of some vCPUs aren't where they are looked for first ([overhead.md](overhead.md)).",
    "",
    "One reading of all accounts in Node, by its CPU time; no system call for each vCPU:",
    "",
    row(["vCPUs", "reasons of each", "million instructions", "MiB of maps"]),
    row(["---:", "---:", "---:", "---:"]),
    ...snapshots.map(({ records, slots, cpuNs, mapBytes }) =>
      row([whole(records), String(slots), million(cpuNs), (mapBytes / 2 ** 20).toFixed(1)]),
    ),
    "",
    "## The tools' own processes",
    "",
    `CPU time on ${release} in million instructions: from the start until it traces, and in an hour of intervals of 1 s,`,
    "extrapolated from the third minute, without guests; and the most memory resident.",
    "",
    `A start of kvm-vmexit-count is Node up to the tool's file (${million(nodeNs)}), compiling that (${million(compileNs)}), the tool's code (${million(ofCode)})`,
    `and opening (${million(openNs)}). [overhead.md](overhead.md) says what opening does, and what was tried to make a start cheaper.`,
    "",
    row(["", "start", "an hour", "MiB"]),
    row(["---", "---:", "---:", "---:"]),
    ...tools.map(({ name, startNs, hourNs, peakKiB }) =>
      row([name, million(startNs), whole(hourNs / 1e6), (peakKiB / 1024).toFixed(0)]),
    ),
  ];
}

function exportSection(text: string): string[] {
  return [
    "",
    "## A scrape of kvm-vmexit export",
    "",
    "Readings that are made up, scraped over HTTP with gzip (`node dist/bench/export.js`); on this one machine, in ms of its CPU. A reading of the",
    "kernel's accounts comes on top, see above.",
    "",
    text.trim(),
  ];
}

function formatSection(text: string): string[] {
  return [
    "",
    "## Formatting a recording",
    "",
    "The same file by the original's way in Python and by kvmtrace_format (`bench/trace-format.sh`); on this one machine, unlike",
    "the rest:",
    "",
    "```",
    text,
    "```",
  ];
}

/** What an exit of a nested guest's vCPU becomes longer by. */
function nestedSection(results: readonly MachineResult[]): string[] {
  return [
    "",
    `## A guest of a guest: \`guest ${NESTED.guest.join(" ")}\` in L2`,
    "",
    "L2 does what the first workload does, without an end, and L1's KVM, of the host's kernel, handles it. The figures are of the",
    "average exit: L2's, and those that L1 has for each of them ([overhead.md](overhead.md)).",
    "Counted by the host (`exits` in KVM's statistics, and the CPU time of the vCPU's thread) for 60 million instructions, the",
    "median of five times; thread / elapsed:",
    "",
    ...workloadTable(results, NESTED.name, true),
    "",
    `Two such medians under the same tool differ by at most: ${steadyGroups(results)}.`,
  ];
}

/** Which commit each part was measured on. */
function origins(parts: readonly (readonly [string, Origin])[]): string[] {
  const lists = new Map<string, string[]>();
  for (const [part, { commit, date }] of parts) addTo(lists, `\`${commit}\` | ${date}`, part);
  return [
    row(["measured", "commit", "date"]),
    row(["---", "---", "---"]),
    ...[...lists].map(([of, names]) => row([names.join(", "), of])),
  ];
}

const results = MACHINES.flatMap(readMachine);
const nested = NESTED_MACHINES.flatMap(readMachine);
const ofProcess = readProcess();
const formatted = readPrinted("format.txt", before.formatted);
const exported = readPrinted("export.txt", before.exported);
const sections = WORKLOADS.filter(({ name }) => results.some(({ base }) => base.turns[name])).flatMap(
  ({ name, guest }) => [
    "",
    `## \`guest ${guest.join(" ")}\``,
    "",
    guest.includes("--vcpus") ? "thread:" : "thread / elapsed:",
    "",
    ...workloadTable(results, name, !guest.includes("--vcpus")),
  ],
);
const bench: Bench = {
  schema: "kvm-vmexit-bench/3",
  results,
  nested,
  process: ofProcess,
  formatted,
  exported,
};
writeFileSync(join(ROOT, "docs/bench.json"), `${JSON.stringify(bench, undefined, 1)}\n`);
writeFileSync(
  join(ROOT, "docs/bench.md"),
  [
    HEAD,
    ...origins([
      ...[...results, ...nested].map((result) => [titleApart(result), result] as const),
      ["the tools' processes", ofProcess],
      ["formatting", formatted],
      ["scrapes", exported],
    ]),
    "",
    `Two runs of the first workload under the same tool differ by at most, in instructions of the thread: ${steadyGroups(results)}.`,
    "Guests are a second apart: one that is started sooner after another's end pays more ([overhead.md](overhead.md)).",
    ...sections,
    ...nestedSection(nested),
    ...failures([...results, ...nested]),
    FOOT,
    ...programTable(results),
    ...processSections(ofProcess),
    ...formatSection(formatted.text),
    ...exportSection(exported.text),
    "",
  ].join("\n"),
);
console.log("Written to docs/bench.md");
