// SPDX-License-Identifier: MIT
// The addon alone: misuse throws, a refused program is shown with the verifier's last lines, closing gives all back.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Session, openSession } from "../../src/native/vmexit";
import { isaName, reasonName, reasonNumber } from "../../src/reasons";
import { PROJECT } from "../tools";
import { MODES, WORKLOAD } from "./machine";

interface Addon {
  Session: new (options: unknown) => Session;
}

const addon: { exports: object } = { exports: {} };
// In the lab's machines for other architectures the one in build/ is of the machine that built it.
const folder = process.arch === "x64" ? join("build", "Release") : join("prebuilds", `linux-${process.arch}`);
process.dlopen(addon, join(PROJECT, folder, "vmexit.node"));
const { Session: Native } = addon.exports as Addon;

const OBJECT = join(PROJECT, "dist", "bpf", `vmexit.${process.arch}.bpf.o`);
const GOOD = { object: OBJECT, attach: "auto", timing: true, histograms: false, details: false, maxVcpus: 8 };

const openFiles = () => readdirSync("/proc/self/fd").length;

for (const [what, options, expected] of [
  ["no options", undefined, /options must be an object/],
  ["an object that is no string", { ...GOOD, object: 1 }, /object must be a string/],
  ["an unknown way to attach", { ...GOOD, attach: "best" }, /attach must be/],
  ["timing that is no boolean", { ...GOOD, timing: 1 }, /timing must be a boolean/],
  ["no vCPUs", { ...GOOD, maxVcpus: 0 }, /maxVcpus must be a whole number from 1/],
  ["half a vCPU", { ...GOOD, maxVcpus: 1.5 }, /maxVcpus must be a whole number from 1/],
  ["too many vCPUs", { ...GOOD, maxVcpus: 1e6 }, /maxVcpus must be a whole number from 1 to 131072/],
  ["pids that are no array", { ...GOOD, pids: 1 }, /pids must be an array of at most 1024/],
  ["a pid that is no number", { ...GOOD, pids: ["1"] }, /pids must be a whole number/],
  ["too many pids", { ...GOOD, pids: Array(2000).fill(1) }, /pids must be an array of at most 1024/],
  [
    "a file that isn't there",
    { ...GOOD, object: "/nonexistent" },
    /cannot open the BPF object \/nonexistent/,
  ],
  ["a file that is no object", { ...GOOD, object: "/etc/passwd" }, /cannot open the BPF object/],
] as const)
  test(`${what}: throws`, () => {
    assert.throws(() => new Native(options), expected);
  });

test("a closed session throws, and closes again without harm", () => {
  const session = openSession({
    attach: "auto",
    timing: false,
    histograms: false,
    details: false,
    maxVcpus: 8,
  });
  session.close();
  session.close();
  assert.throws(() => session.snapshot(), /the session is closed/);
  assert.throws(() => session.takeEvents(1), /the session is closed/);
  assert.throws(() => {
    session.stop();
  }, /the session is closed/);
});

test("a method borrowed by another object throws", () => {
  const borrower = Object.create(Native.prototype as object) as Session;
  assert.throws(() => borrower.snapshot());
});

if (MODES[0] === "direct")
  test("a program that the verifier refuses is named, with the last lines of its log", () => {
    const object = join(PROJECT, "build", "lab", "refused.bpf.o");
    assert.throws(
      () => new Native({ ...GOOD, object, attach: "direct", timing: false }),
      /^Error: the kernel's verifier refuses the BPF program direct_exit_svm_\w+:\n(.*\n)*.*processed \d+ insns/,
    );
  });

/** The kernel's memory of BPF maps, as the areas that they have of it. */
const mapAreas = () =>
  readFileSync("/proc/vmallocinfo", "latin1").match(/ (?:bpf|htab|array_map|ringbuf)\w*\+/g)?.length ?? 0;

/** Programs in the kernel: root sees them in kallsyms, if this is set. */
function programs(): number {
  writeFileSync("/proc/sys/net/core/bpf_jit_kallsyms", "1");
  return readFileSync("/proc/kallsyms", "latin1").match(/ bpf_prog_/g)?.length ?? 0;
}

/** Resident memory when garbage is collected. */
function memory(): number {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  gc();
  return process.memoryUsage().rss;
}

// `make test-leaks` takes thousands.
const TURNS = Number(process.env["TURNS"] ?? 60);
// What the heap may take at some time; 60 turns that each load the addon anew take more.
const MAX_GROWTH = 8 * 2 ** 20;

test(`opened and closed ${TURNS} times, it leaves no descriptor, map, program or memory behind`, async () => {
  const openAndClose = (turn: number) => {
    const session = openSession({
      attach: turn % 3 === 0 ? "record" : "auto",
      timing: turn % 2 === 0,
      histograms: turn % 2 === 0,
      details: false,
      maxVcpus: 8,
    });
    session.snapshot();
    session.close();
  };
  // What is made once: libbpf's and Node's own.
  for (let turn = 0; turn < 30; turn++) openAndClose(turn);
  const before = { files: openFiles(), maps: mapAreas(), programs: programs(), memory: memory() };
  for (let turn = 0; turn < TURNS; turn++) openAndClose(turn);
  // At once: what is read below to look at the kernel takes tens of megabytes itself.
  const growth = memory() - before.memory;
  assert.equal(openFiles(), before.files);
  // The kernel frees maps and programs when all CPUs are done with them.
  for (let tries = 0; tries < 100 && (mapAreas() > before.maps || programs() > before.programs); tries++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(mapAreas() <= before.maps, `${mapAreas()} areas of maps, ${before.maps} before`);
  assert.ok(programs() <= before.programs, `${programs()} programs, ${before.programs} before`);
  console.log(`${TURNS} turns: ${growth} bytes more, ${mapAreas()} areas of maps, ${programs()} programs`);
  assert.ok(growth <= MAX_GROWTH, `${growth} bytes more`);
});

test("two sessions count the same exits, each on its own", () => {
  const [one, two] = [1, 2].map(() =>
    openSession({ attach: "auto", timing: false, histograms: false, details: false, maxVcpus: 8 }),
  );
  assert.ok(one && two);
  const { command, promised } = WORKLOAD;
  const [program = "", ...parameters] = command;
  spawnSync(program, parameters);
  one.close();
  spawnSync(program, parameters);
  two.stop();
  const { slots } = two.snapshot();
  const counts = new Map<string, number>();
  slots.reason.forEach((raw, i) => {
    const isa = isaName(slots.isa[i] ?? 0);
    const name = reasonName(isa, reasonNumber(isa, raw)) ?? "";
    counts.set(name, (counts.get(name) ?? 0) + (slots.count[i] ?? 0));
  });
  for (const [name, count] of Object.entries(promised)) assert.equal(counts.get(name), 2 * count, name);
  two.close();
});

test("slow exits are taken in parts, and none twice or never", () => {
  const session = openSession({
    attach: "auto",
    timing: true,
    histograms: false,
    details: false,
    maxVcpus: 8,
    slowNs: 0,
  });
  const { command, promised, lasts } = WORKLOAD;
  const [program = "", ...parameters] = command;
  spawnSync(program, parameters);
  session.stop();
  assert.equal(session.snapshot().lost.eventsDropped, 0);
  const parts = [session.takeEvents(10)];
  while (parts.at(-1)?.length === 10) parts.push(session.takeEvents(10));
  assert.ok((parts.at(-1)?.length ?? 10) < 10);
  assert.deepEqual(session.takeEvents(10), []);
  assert.throws(() => session.takeEvents(0), /most must be a whole number from 1/);
  session.close();
  const names = parts.flat().map(({ isa, reason }) => {
    const name = isaName(isa);
    return reasonName(name, reasonNumber(name, reason));
  });
  for (const [name, count] of Object.entries(promised))
    if (!/ERR|FAILED/.test(name))
      assert.equal(names.filter((one) => one === name).length, count - (lasts[name] ?? 0), name);
});
