// Puts the kernels' results together as docs/bench.json and docs/bench.md.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type KernelResult, type Measured, type ProcessResult, type Turn, WORKLOADS } from "./results";

const ROOT = join(__dirname, "..", "..");
const SUITES = ["bullseye", "bookworm", "trixie", "sid"];

const HEAD = `# What tracing costs

Written by \`make bench\`. Instructions added to one exit, on an emulated AMD processor (QEMU, \`-cpu qemu64,+svm,+npt\`) whose
instructions are counted and take one virtual nanosecond each (\`test/lab/run --icount\`): the same on every machine. All rows
of a column come from one boot of the kernel. Real processors differ in how long an instruction takes, less in which
program takes more of them.

**thread** is the CPU time of the vCPU's own thread: what the exit itself became longer by. **elapsed** is the time
of the guest, on a machine of one CPU: it also has what the tool's process took meanwhile, which on a host with a CPU
to spare would run there. Tools that copy events to user space differ in the two; those that count in the kernel hardly.
Peers are of Debian 12 (perf 6.1, bpftrace 0.17, trace-cmd 3.1) on every kernel, watching the whole machine.
`;

const FOOT = `
**Nested guests** aren't here: on one processor whose instructions are counted, a guest of a guest doesn't end
within 8 minutes (\`test/lab/run --icount test/lab/nested --cpuid 1000\`); QEMU's parallel threads, which it takes, exclude counting.
**kvmexit** of bcc knows VMX alone; under the emulated VMX (Bochs) instructions can't be counted.
\`kvm-stat\` counts all of KVM's events, three for each \`cpuid\`; \`kvm_stat -t\` opens a perf event for each of them on each CPU.
`;

/** A file that a part of the bench has written, "" if it has not run. */
function readPart(name: string): string {
  const path = join(ROOT, "build/bench", name);
  return existsSync(path) ? readFileSync(path, "utf8").trim() : "";
}

function readKernel(suite: string): KernelResult[] {
  const line = readPart(`${suite}.json`).split("\n").at(-1);
  return line ? [JSON.parse(line) as KernelResult] : [];
}

function readProcess(): ProcessResult | undefined {
  const text = readPart("process.json");
  return text === "" ? undefined : (JSON.parse(text) as ProcessResult);
}

const whole = (value: number) => Math.round(value).toLocaleString("en-US");

/** What a contestant adds, as text: thread, and elapsed behind it where that is another number. */
function added(turn: Turn | undefined, base: Turn | undefined, withElapsed: boolean): string {
  if (!turn || !base) return "–";
  const thread = turn.thread - base.thread;
  const elapsed = turn.elapsed - base.elapsed;
  return withElapsed ? `${whole(thread)} / ${whole(elapsed)}` : whole(thread);
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function workloadTable(results: readonly KernelResult[], workload: string, withElapsed: boolean): string[] {
  const names = [...new Set(results.flatMap((result) => result.contestants.map(({ name }) => name)))];
  const find = (result: KernelResult, name: string): Measured | undefined =>
    result.contestants.find((contestant) => contestant.name === name);
  return [
    row(["instructions added", ...results.map(({ release }) => release)]),
    row(["---", ...results.map(() => "---:")]),
    row([
      "an exit without tracing",
      ...results.map(({ base }) => `(${whole(base.turns[workload]?.thread ?? 0)})`),
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
function steadiness(results: readonly KernelResult[], group: string): string {
  const first = WORKLOADS[0]?.name ?? "";
  const differences = results
    .flatMap(({ base, contestants }) => [base, ...contestants])
    .filter((measured) => measured.group === group)
    .flatMap(({ turns, again }) => {
      const turn = turns[first];
      return turn && again ? [Math.abs(turn.thread - again.thread)] : [];
    });
  return Math.max(0, ...differences).toFixed(1);
}

function failures(results: readonly KernelResult[]): string[] {
  const missing = results.flatMap(({ release, contestants }) =>
    contestants.flatMap(({ name, failure }) =>
      failure === undefined ? [] : [`- ${name} on ${release}: ${failure.replace(/[\\`|<>]/g, " ")}`],
    ),
  );
  return missing.length > 0 ? ["", "Not measured:", "", ...missing] : [];
}

/** What each program is to each kernel: instructions that the verifier walked, and bytes of machine code. */
function programTable(results: readonly KernelResult[]): string[] {
  const sizes = new Map<string, Map<string, string>>();
  for (const { release, programs } of results)
    for (const { tool, program, verified, bytes } of programs) {
      const key = `${tool} | ${program}`;
      const cells = sizes.get(key) ?? new Map<string, string>();
      sizes.set(key, cells.set(release, `${whole(verified)} / ${whole(bytes)}`));
    }
  return [
    "",
    "## The programs",
    "",
    "Instructions that the verifier walked (5.10 doesn't tell) / bytes of machine code. `test/lab/programs.test.ts` bounds both.",
    "",
    row(["tool", "program", ...results.map(({ release }) => release)]),
    row(["---", "---", ...results.map(() => "---:")]),
    ...[...sizes].map(([key, cells]) =>
      row([key, ...results.map(({ release }) => cells.get(release) ?? "")]),
    ),
  ];
}

function processSections({ release, many, snapshots, tools }: ProcessResult): string[] {
  const million = (ns: number) => (ns / 1e6).toFixed(1);
  return [
    "",
    "## Many vCPUs",
    "",
    `${many.vms} VMs of ${many.vcpus / many.vms} vCPUs each, all at a time, under kvm-vmexit-time on ${release}: of ${whole(many.cpuids)} CPUID`,
    `exits, ${whole(many.counted)} were counted. Added to one exit: ${whole(many.addedTogether)} instructions; ${whole(many.addedAlone)} with a single vCPU on the machine.`,
    "Where records are half taken, some vCPUs have theirs further on than where it is looked for first.",
    "",
    "One reading of all records in Node, by its CPU time; no system call for each vCPU:",
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
    "extrapolated from a minute without guests, of which Node's compilers take a part; and the most memory resident. Beside",
    "Node itself, a start of kvm-vmexit-count on 6.1 is libbpf reading the kernel's types (57), the tool's code (57), the",
    "kernel's verifier (35) and the attaching (11); `strace -T` and `perf record -e cpu-clock` under --icount tell.",
    "",
    row(["", "start", "an hour", "MiB"]),
    row(["---", "---:", "---:", "---:"]),
    ...tools.map(({ name, startNs, hourNs, peakKiB }) =>
      row([name, million(startNs), whole(hourNs / 1e6), (peakKiB / 1024).toFixed(0)]),
    ),
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

const results = SUITES.flatMap(readKernel);
const ofProcess = readProcess();
const formatted = readPart("format.txt");
const sections = WORKLOADS.flatMap(({ name, guest }) => [
  "",
  `## \`guest ${guest.join(" ")}\``,
  "",
  guest.includes("--vcpus") ? "thread:" : "thread / elapsed:",
  "",
  ...workloadTable(results, name, !guest.includes("--vcpus")),
]);
const steady = ["floor", "ours", "peers"]
  .map((group) => `${steadiness(results, group)} (${group})`)
  .join(", ");
writeFileSync(
  join(ROOT, "docs/bench.json"),
  `${JSON.stringify({ schema: "kvm-vmexit-bench/1", results, process: ofProcess }, undefined, 1)}\n`,
);
writeFileSync(
  join(ROOT, "docs/bench.md"),
  [
    HEAD,
    `Two runs of the first workload under the same tool differ by at most, in instructions of the thread: ${steady}.`,
    ...sections,
    ...failures(results),
    FOOT,
    ...programTable(results),
    ...(ofProcess ? processSections(ofProcess) : []),
    ...(formatted === "" ? [] : formatSection(formatted)),
    "",
  ].join("\n"),
);
