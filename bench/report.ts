// Puts the kernels' results together as docs/bench.json and docs/bench.md.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type KernelResult, type Measured, type Turn, WORKLOADS } from "./results";

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

function read(suite: string): KernelResult[] {
  const path = join(ROOT, "build/bench", `${suite}.json`);
  const line = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").at(-1) : "";
  return line ? [JSON.parse(line) as KernelResult] : [];
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

const results = SUITES.flatMap(read);
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
  `${JSON.stringify({ schema: "kvm-vmexit-bench/1", results }, undefined, 1)}\n`,
);
writeFileSync(
  join(ROOT, "docs/bench.md"),
  [
    HEAD,
    `Two runs of the first workload under the same tool differ by at most, in instructions of the thread: ${steady}.`,
    ...sections,
    ...failures(results),
    FOOT,
  ].join("\n"),
);
