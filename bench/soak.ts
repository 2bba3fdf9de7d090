// SPDX-License-Identifier: MIT
// Five tools and the library run for minutes while VMs come and go: each counts all exits exactly, in memory that doesn't grow.
// usage: soak.js MINUTES, in the lab
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT, tool } from "./guest";

const GUEST = join(ROOT, "build/lab/guest");
const MIB = 2 ** 10;
// USER_HZ: /proc's unit of CPU time.
const TICKS_PER_S = 100;
/** VMs at a time, for each turn of the soak: each has as many vCPUs as its place says. */
const CROWDS: readonly (readonly number[])[] = [[1, 2, 1], [4], [1, 1, 1, 1, 1, 1], [2, 8]];
/** Exits of each vCPU: primes. */
const CPUID = 5003;
const HLT = 3;
/** Share of the time after which memory is looked at for the first time: what grows does so from then on. */
const WARM = 0.25;

/** Exits by name; kvm-stat and the others call these two alike. */
type Counts = Record<"CPUID" | "HLT", number>;

interface Exits {
  readonly name: string;
  readonly count: { readonly total: number };
}

/** What a line of a program's output adds to the counts. */
type Reader = (line: string) => readonly (readonly [name: string, count: number])[];

function readJson(line: string): readonly (readonly [string, number])[] {
  const {
    exits = [],
    slow,
    counts = {},
  } = JSON.parse(line) as {
    exits?: readonly Exits[];
    slow?: { readonly name: string };
    counts?: Record<string, number>;
  };
  return [
    ...exits.map(({ name, count }) => [name, count.total] as const),
    ...(slow ? [[slow.name, 1] as const] : []),
    ...Object.entries(counts),
  ];
}

/** Reads CSV whose columns `name` and `count` say what there was of each reason. */
function csvReader(): Reader {
  let columns: readonly string[] = [];
  return (line) => {
    const fields = line.split(",");
    if (columns.length === 0) {
      columns = fields;
      return [];
    }
    return [[fields[columns.indexOf("name")] ?? "", Number(fields[columns.indexOf("count")])]];
  };
}

/** Reads kvm-stat's CSV: a column for each reason, named again every few lines. */
function statReader(): Reader {
  let names: readonly string[] = [];
  return (line) => {
    const [first = "", ...fields] = line.split(",");
    if (first !== "timestamp") return fields.map((field, i) => [names[i] ?? "", Number(field)]);
    names = fields.map((field) => field.replace(/^kvm_exit\((\w+)\)$/, "$1"));
    return [];
  };
}

/** Resident memory in KiB and CPU time in seconds of a process. */
function usageOf(pid: number): {
  readonly resident: number;
  readonly most: number;
  readonly seconds: number;
} {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return {
    resident: field("VmRSS"),
    most: field("VmHWM"),
    seconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S,
  };
}

/** A program that counts. */
class Counting {
  readonly name: string;
  readonly counts: Counts = { CPUID: 0, HLT: 0 };
  readonly #child: ChildProcess;
  readonly #closed: Promise<number | null>;
  #said = "";
  #ready: () => void = () => undefined;
  readonly ready: Promise<void>;

  constructor(name: string, command: readonly string[], read: Reader, ready: RegExp) {
    this.name = name;
    const [program = "", ...parameters] = command;
    const child = spawn(program, parameters, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.ready = new Promise((resolve) => (this.#ready = resolve));
    this.#closed = new Promise((resolve) => child.on("close", resolve));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (ready.test(line)) this.#ready();
      for (const [exits, count] of read(line))
        if (exits === "CPUID" || exits === "HLT") this.counts[exits] += count;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
      if (ready.test(this.#said)) this.#ready();
    });
  }

  usage() {
    return usageOf(this.#child.pid ?? 0);
  }

  /** What it said except that it has begun, and whose names came too late on a slow machine: losses and errors. */
  get complaints(): string {
    return this.#said.replace(/^(Tracing|\d+ VMs? ended before).*\n/gm, "");
  }

  async end(): Promise<void> {
    this.#child.kill("SIGINT");
    if ((await this.#closed) !== 0) throw new Error(`${this.name}: ${this.#said}`);
  }
}

/** Runs VMs at the same time to their end; returns how many vCPUs they had. */
async function crowd(vcpus: readonly number[]): Promise<number> {
  await Promise.all(
    vcpus.map(async (count) => {
      const parameters = ["--cpuid", String(CPUID), "--hlt", String(HLT), "--vcpus", String(count)];
      const guest = spawn(GUEST, parameters, { stdio: "ignore" });
      const status = await new Promise((resolve) => guest.on("close", resolve));
      if (status !== 0) throw new Error(`a guest ended with status ${String(status)}`);
    }),
  );
  return vcpus.reduce((sum, count) => sum + count, 0);
}

async function soak(minutes: number): Promise<boolean> {
  const programs = [
    new Counting(
      "kvm-vmexit-count",
      tool("kvm-vmexit-count", "--json", "--by", "vm", "5"),
      readJson,
      /Tracing/,
    ),
    new Counting("kvm-vmexit-time", tool("kvm-vmexit-time", "--csv", "5"), csvReader(), /Tracing/),
    new Counting("kvm-vmexit-hist", tool("kvm-vmexit-hist", "--json", "-i", "5"), readJson, /Tracing/),
    new Counting(
      "kvm-vmexit-slower",
      tool("kvm-vmexit-slower", "0", "--json", "--reasons", "HLT"),
      readJson,
      /Tracing/,
    ),
    new Counting(
      "kvm-stat",
      tool("kvm-stat", "-t", "-l", "-c", "-s", "5", "-f", "kvm_exit"),
      statReader(),
      /^timestamp/,
    ),
    new Counting(
      "library",
      [process.execPath, join(ROOT, "dist/bench/soak-library.js")],
      readJson,
      /Tracing/,
    ),
  ];
  for (const { ready } of programs) await ready;
  const begin = performance.now();
  const end = begin + minutes * 60_000;
  let warm: number[] | undefined;
  let [vms, vcpus] = [0, 0];
  for (let turn = 0; performance.now() < end; turn++) {
    const sizes = CROWDS[turn % CROWDS.length] ?? [];
    vcpus += await crowd(sizes);
    vms += sizes.length;
    if (performance.now() >= begin + (end - begin) * WARM)
      warm ??= programs.map((program) => program.usage().resident);
  }
  const usages = programs.map((program) => program.usage());
  for (const program of programs) await program.end();
  const elapsed = (performance.now() - begin) / 1000;
  const expected: Counts = { CPUID: vcpus * CPUID, HLT: vcpus * HLT };
  console.log(
    `${vms} VMs with ${vcpus} vCPUs in ${elapsed.toFixed(0)} s: ${expected.CPUID} exits by CPUID, ${expected.HLT} by HLT`,
  );
  console.log(
    "|  | CPUID | HLT | MiB at first | MiB at the end | most MiB | CPU s |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
  );
  let isExact = vms > 0;
  for (const [i, { name, counts, complaints }] of programs.entries()) {
    const { resident = 0, most = 0, seconds = 0 } = usages[i] ?? {};
    const numbers = [warm?.[i] ?? 0, resident, most].map((kib) => (kib / MIB).toFixed(1));
    const told = name === "kvm-vmexit-slower" ? "-" : counts.CPUID;
    console.log(`| ${[name, told, counts.HLT, ...numbers, seconds.toFixed(1)].join(" | ")} |`);
    const isRight =
      counts.HLT === expected.HLT && (told === "-" || told === expected.CPUID) && complaints === "";
    if (!isRight) console.log(`${name} is wrong. ${complaints}`);
    isExact &&= isRight;
  }
  return isExact;
}

void soak(Number(process.argv[2] ?? 20)).then((isExact) => {
  process.exitCode = isExact ? 0 : 1;
});
