// SPDX-License-Identifier: MIT
// In the lab under --icount: measures the tools' own processes and what many vCPUs cost, and prints ProcessResult as JSON.
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openSession } from "../src/native/vmexit";
import { READING_MS, ROOT, runGuest, tool } from "./guest";
import {
  type ManyVcpus,
  type ProcessResult,
  type Snapshots,
  type StartParts,
  type ToolProcess,
  originNow,
} from "./results";
import { NODE_ALONE, cpuNs, end, start } from "./start";

const FILL = join(ROOT, "build/bench/fill");
// What a busy vCPU shows: reasons, each at one level.
const SLOTS = 8;
const SECONDS = 60;
const VMS = 200;
const VCPUS_EACH = 5;
// Of each vCPU, alone or not: so that taking its record is the same share.
const CPUIDS = 2503;

function peakKiB(pid: number): number {
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

async function measureProcess(name: string, command: readonly string[]): Promise<ToolProcess> {
  // The first time warms the page cache.
  await end(await start(command));
  const child = await start(command);
  const startNs = cpuNs(child.pid);
  // Node compiles in the first two minutes what runs often.
  await sleep(2 * SECONDS * 1000);
  const firstNs = cpuNs(child.pid);
  await sleep(SECONDS * 1000);
  const runNs = cpuNs(child.pid) - firstNs;
  const result = { name, startNs, hourNs: (runNs * 3600) / SECONDS, peakKiB: peakKiB(child.pid) };
  await end(child);
  console.error(`process: ${name}: ${startNs} ns to start`);
  return result;
}

// In a script: prints what process.cpuUsage() gives.
const PRINT_NS = "(({ user, system }) => { console.log((user + system) * 1000); })";

/** What a script prints as a number of ns, run in a process of its own; the least of a few times. */
function leastNs(script: string): number {
  const run = () => Number(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" }));
  return Math.min(run(), run(), run());
}

/** CPU time that a script takes, without what it needs first. */
function scriptNs(needs: string, script: string): number {
  return leastNs(
    `${needs}; const before = process.cpuUsage(); ${script}; ${PRINT_NS}(process.cpuUsage(before))`,
  );
}

function measureStart(): StartParts {
  const file = JSON.stringify(join(ROOT, "dist/bin/kvm-vmexit-count.js"));
  const native = JSON.stringify(join(ROOT, "dist/src/native/vmexit.js"));
  const options = JSON.stringify({
    attach: "auto",
    timing: false,
    histograms: false,
    details: false,
    maxVcpus: 1024,
  });
  return {
    nodeNs: leastNs(`${PRINT_NS}(process.cpuUsage())`),
    compileNs: scriptNs(
      'const { compileFunction } = require("vm"); const { readFileSync } = require("fs")',
      `compileFunction(readFileSync(${file}, "utf8").replace(/^#!.*/, ""))`,
    ),
    openNs: scriptNs(`const { ${openSession.name}: open } = require(${native})`, `open(${options})`),
  };
}

/** CPU time of one reading of so many records, the least of a few: the first ones compile. */
function measureSnapshots(records: number): Snapshots {
  const session = openSession({
    attach: "auto",
    timing: true,
    histograms: false,
    details: false,
    maxVcpus: records,
  });
  try {
    const { status, stderr } = spawnSync(FILL, [String(records), String(SLOTS)], { encoding: "utf8" });
    if (status !== 0) throw new Error(`fill: ${stderr}`);
    let leastNs = Infinity;
    let rows = 0;
    for (let i = 0; i < 10; i++) {
      const before = process.cpuUsage();
      rows = session.snapshot().slots.count.length;
      const { user, system } = process.cpuUsage(before);
      leastNs = Math.min(leastNs, (user + system) * 1000);
    }
    if (rows !== records * SLOTS) throw new Error(`${rows} rows of ${records} records`);
    return { records, slots: SLOTS, cpuNs: leastNs, mapBytes: session.info().mapBytes };
  } finally {
    session.close();
  }
}

async function measureMany(): Promise<ManyVcpus> {
  const few = ["--cpuid", String(CPUIDS)];
  const many = [...few, "--vms", String(VMS), "--vcpus", String(VCPUS_EACH)];
  runGuest(...few);
  runGuest(...many);
  const [baseOne, baseMany] = [runGuest(...few).thread, runGuest(...many).thread];
  const child = await start(tool("kvm-vmexit-time", "--json", "--reasons", "CPUID"));
  let said = "";
  child.stdout?.on("data", (data: Buffer) => (said += data.toString()));
  await sleep(READING_MS);
  const one = runGuest(...few).thread;
  await sleep(READING_MS);
  const all = runGuest(...many).thread;
  await end(child);
  const { exits } = JSON.parse(said) as { exits: { count: { total: number } }[] };
  return {
    vms: VMS,
    vcpus: VMS * VCPUS_EACH,
    cpuids: CPUIDS * (1 + VMS * VCPUS_EACH),
    counted: exits.reduce((sum, { count }) => sum + count.total, 0),
    addedAlone: one - baseOne,
    addedTogether: all - baseMany,
  };
}

async function main(): Promise<void> {
  const ours = (name: string, ...parameters: string[]) => measureProcess(name, tool(name, ...parameters));
  const result: ProcessResult = {
    ...originNow(),
    release: release(),
    start: measureStart(),
    many: await measureMany(),
    snapshots: [1000, 10000].map(measureSnapshots),
    tools: [
      await measureProcess("node alone", NODE_ALONE),
      await ours("kvm-vmexit-count", "1"),
      await ours("kvm-vmexit-time", "1"),
      await ours("kvm-vmexit-hist", "-i", "1"),
      await ours("kvm-vmexit-slower", "10000"),
      await ours("kvm-stat", "-l"),
      await ours("kvm-trace", "record", "-o", "/tmp/idle.bin"),
    ],
  };
  console.log(JSON.stringify(result));
}

void main();
