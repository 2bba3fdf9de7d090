// SPDX-License-Identifier: MIT
// What goes wrong around the tools: VMs killed, modules unloaded, tools killed, tools side by side.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { GUEST, PROJECT, type Result, Running, run } from "../tools";
import { WORKLOAD, assertPromised } from "./counts";
import { type Line, jsonLines } from "./json";
import { MODES } from "./machine";
import { group, openSession } from "kvm-vmexit";
import { NOTHING_LOST } from "../../src/measure/lost";

const COUNT = "kvm-vmexit-count";
const MAP_WRITER = join(PROJECT, "build", "lab", "map-writer");
const TIME = "kvm-vmexit-time";

/** The one line of a run without intervals. */
function onlyLine(result: Result): Line {
  const [line] = jsonLines(result);
  assert.ok(line !== undefined);
  return line;
}

function shell(command: string): string {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
  assert.equal(status, 0, `${command}: ${stderr}`);
  return stdout;
}

/** Programs of this project that the kernel holds compiled. */
function programsInKernel(): number {
  // Root sees the names of compiled programs in kallsyms, if this is set.
  writeFileSync("/proc/sys/net/core/bpf_jit_kallsyms", "1");
  return (
    readFileSync("/proc/kallsyms", "utf8").match(/ bpf_prog_[0-9a-f]+_(direct|raw|record)_/g)?.length ?? 0
  );
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** An endless guest, killed in the middle of an exit; resolves when it is gone. */
async function killedGuest(afterMs: number): Promise<void> {
  const guest = spawn(GUEST, ["--cpuid", "1000000000"]);
  const gone = new Promise((resolve) => guest.on("exit", resolve));
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  guest.kill("SIGKILL");
  await gone;
}

// Fewer than the vCPUs that a filter leaves out: 16 have 64 places.
const FEW = ["--max-vcpus", "16"];

for (const attach of MODES)
  test(`${attach}: vCPUs that --pid leaves out take no place from those that it wants`, async () => {
    const wanted = spawn(GUEST, ["--cpuid", "101", "--wait"]);
    const ended = new Promise((resolve) => wanted.on("exit", resolve));
    const tool = new Running(COUNT, "--attach", attach, "--json", ...FEW, "--pid", String(wanted.pid));
    await tool.seen(/Tracing/);
    const others = spawn(GUEST, "--vms 4 --vcpus 60 --cpuid 10 --time --hold 3600".split(" "));
    await new Promise((resolve) => others.stdout.once("data", resolve));
    wanted.stdin.end();
    await ended;
    const line = onlyLine(await tool.end("SIGINT"));
    others.kill("SIGKILL");
    assert.deepEqual(line.lost, NOTHING_LOST);
    assert.equal(line.exits.find(({ name }) => name === "CPUID")?.count.total, 101);
  });

for (const attach of MODES)
  test(`${attach}: of a thread's vCPUs, those that --vcpu leaves out take no place and no exits`, () => {
    const guest = "--one-thread --vcpus 200 --cpuid 101".split(" ");
    const { lost, exits } = onlyLine(
      run(COUNT, "--attach", attach, "--json", ...FEW, "--vcpu", "0,199", "--", GUEST, ...guest),
    );
    assert.deepEqual(lost, NOTHING_LOST);
    assert.equal(exits.find(({ name }) => name === "CPUID")?.count.total, 2 * 101);
  });

// The kernel's own setting, which is put back; 5.10 has none.
const PREEMPTION = "/sys/kernel/debug/sched/preempt";

const [first = "record"] = MODES;
if (first !== "record")
  test(`${first}: VMs that come and go while others, preempted, write to BPF maps, have their own numbers`, () => {
    const changes = existsSync(PREEMPTION);
    const before = changes ? (/\((\w+)\)/.exec(readFileSync(PREEMPTION, "utf8"))?.[1] ?? "") : "";
    if (changes) writeFileSync(PREEMPTION, "full");
    // As many for each of two CPUs.
    const writers = Array.from({ length: 6 }, () => spawn(MAP_WRITER, { stdio: "inherit" }));
    try {
      const vms = `for i in $(seq 15); do ${GUEST} --vcpus 2 --cpuid 50 --rdmsr 7 --hlt 5; done`;
      const { exits } = onlyLine(
        run(COUNT, "--attach", first, "--json", "--by", "vcpu", "--", "sh", "-c", vms),
      );
      const numbers = (name: string) =>
        exits.filter((exit) => exit.name === name).map(({ count }) => count.total);
      assert.deepEqual(numbers("CPUID"), Array(30).fill(50));
      assert.deepEqual(numbers("MSR"), Array(30).fill(7));
      assert.deepEqual(numbers("HLT"), Array(30).fill(5));
    } finally {
      for (const writer of writers) writer.kill("SIGKILL");
      if (changes) writeFileSync(PREEMPTION, before);
    }
  });

for (const attach of MODES) {
  test(`${attach}: a limit of few file descriptors is raised`, () => {
    const tool = join(PROJECT, "dist", "bin", `${COUNT}.js`);
    const limited = `ulimit -n 28; exec "$0" "$@"`;
    const command = [process.execPath, tool, "--attach", attach, "--", GUEST, ...WORKLOAD];
    assertPromised(spawnSync("sh", ["-c", limited, ...command], { encoding: "utf8" }));
  });

  test(`${attach}: VMs killed in the middle of an exit spoil no other's numbers`, async () => {
    const tool = new Running(TIME, "--attach", attach, "--json");
    await tool.seen(/Tracing/);
    for (let i = 0; i < 5; i++) await killedGuest(150);
    spawnSync(GUEST, WORKLOAD);
    const line = onlyLine(await tool.end("SIGINT"));
    const ns = (Date.parse(line.end) - Date.parse(line.start)) * 1e6;
    const count = new Map(line.exits.map(({ name, count }) => [name, count.total]));
    assert.equal(count.get("HLT"), 37);
    assert.equal(count.get("MSR"), 41 + 43);
    for (const { name, count, timed, timeNs, maxNs } of line.exits) {
      assert.ok(timed.total <= count.total && timed.total >= count.total - 5, name);
      assert.ok(maxNs.total >= 0 && maxNs.total <= timeNs.total && timeNs.total <= ns, name);
    }
    assert.ok(Object.values(line.lost).every((lost) => lost === 0));
  });

  test(`${attach}: begun in the middle of a busy guest, no time is absurd`, async () => {
    // All CPUs are busy with it; the tool goes before.
    const guest = spawn("nice", ["-n", "19", GUEST, "--cpuid", "1000000000", "--vcpus", "3"]);
    try {
      for (let i = 0; i < 3; i++) {
        const { exits, start, end } = onlyLine(run(TIME, "--attach", attach, "--json", "-d", "0.2"));
        const ns = (Date.parse(end) - Date.parse(start)) * 1e6;
        const cpuid = exits.find(({ name }) => name === "CPUID");
        assert.ok(cpuid !== undefined && cpuid.count.total > 0);
        // Each of three vCPUs may be in an exit all the time.
        for (const { name, timeNs, maxNs } of exits)
          assert.ok(maxNs.total >= 0 && maxNs.total <= ns && timeNs.total <= 3 * ns, name);
      }
    } finally {
      guest.kill("SIGKILL");
      await until(() => guest.signalCode !== null);
    }
  });

  test(`${attach}: hundreds of VMs that come and go, counted one by one`, () => {
    const session = openSession({ attach, maxVcpus: 32 });
    // 24 vCPUs at once, whose accounts a look gives back before the next ones come.
    const guests = `for i in 1 2 3; do ${GUEST} --cpuid 7 --vms 5 & ${GUEST} --cpuid 11 --vcpus 3 & done; wait`;
    for (let i = 0; i < 15; i++) {
      shell(guests);
      assert.deepEqual(session.collect(), NOTHING_LOST);
    }
    session.stop();
    const [all] = group(session.read(), "reason");
    session.close();
    const cpuid = all?.samples.find(({ name }) => name === "CPUID");
    assert.equal(cpuid?.l1.count, 15 * 3 * (5 * 7 + 3 * 11));
  });

  test(`${attach}: a tool that is killed leaves nothing attached`, async () => {
    assert.equal(programsInKernel(), 0);
    const tool = new Running(TIME, "--attach", attach);
    await tool.seen(/Tracing/);
    assert.ok(programsInKernel() >= 2);
    await tool.end("SIGKILL");
    await until(() => programsInKernel() === 0);
  });

  test(`${attach}: KVM's vendor module unloaded and loaded again while it counts`, async () => {
    const tool = new Running(COUNT, "--attach", attach, "-v");
    await tool.seen(/Tracing/);
    spawnSync(GUEST, WORKLOAD);
    const unloaded = spawnSync("rmmod", ["kvm_amd"]).status === 0;
    // The tracepoints are in kvm itself, which the programs keep loaded.
    assert.match(readFileSync("/proc/modules", "utf8"), /^kvm /m);
    if (unloaded)
      shell(`insmod $(find "$XDG_CACHE_HOME/kvm-vmexit/kernels" -path "*/$(uname -r)/*" -name kvm-amd.ko)`);
    spawnSync(GUEST, WORKLOAD);
    const result = await tool.end("SIGINT");
    assertPromised(result, 2);
    // A program that reads a variable of kvm_amd keeps that loaded, too.
    assert.equal(unloaded, !/direct_exit_svm_count on/.test(result.stderr));
  });
}

test("all tools at once, each counting all", async () => {
  const tools = [
    new Running(COUNT, "--attach", MODES[0] ?? ""),
    new Running(COUNT, "--attach", "record"),
    new Running(TIME, "--attach", MODES[0] ?? ""),
    new Running("kvm-vmexit-slower", "0", "--reasons", "CPUID"),
  ];
  for (const tool of tools) await tool.seen(/Tracing/);
  spawnSync(GUEST, WORKLOAD);
  const [first, record, time, slower] = await Promise.all(tools.map((tool) => tool.end("SIGTERM")));
  assert.ok(first !== undefined && record !== undefined && time !== undefined && slower !== undefined);
  assertPromised(first);
  assertPromised(record);
  assert.match(time.stdout, /^ *114 CPUID +23 /m);
  assert.equal(slower.stdout.match(/CPUID/g)?.length, 23);
});
