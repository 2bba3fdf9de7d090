// SPDX-License-Identifier: MIT
// kvm-stat on a real KVM host: the guest's numbers, and kvm_stat's beside them.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { GUEST, Running, run } from "../tools";
import { PROMISED, WORKLOAD } from "./counts";
import { Logger, TOOL, counted, kvmStat, sleep, until, type Sums } from "./stat-logs";

const NAME = "kvm-stat";

const ended = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else
      child.on("exit", () => {
        resolve();
      });
  });

/** Waits until a program has printed something. */
const said = (child: ChildProcess, text: string) =>
  new Promise<void>((resolve, reject) => {
    let stdout = "";
    child.stdout?.setEncoding("utf8").on("data", (more: string) => {
      stdout += more;
      if (stdout.includes(text)) resolve();
    });
    child.on("exit", () => {
      reject(new Error(`ended before it said ${text}`));
    });
  });

/** A guest whose vCPU threads wait until its input ends; when their guests have ended, it says how long turns took. */
async function waitingGuest(...parameters: string[]): Promise<ChildProcess> {
  const guest = spawn(GUEST, [...WORKLOAD, ...parameters, "--wait", "--time"]);
  await said(guest, "waiting");
  return guest;
}

/** Every key of kvm_stat is one of ours, in its order and with its sum. */
function assertSame(ours: Sums, theirs: Sums | undefined, ...except: string[]): void {
  if (!theirs) return;
  assert.deepEqual(
    [...ours.keys()].filter((name) => theirs.has(name)),
    [...theirs.keys()],
  );
  const different = [...theirs].filter(([name, count]) => ours.get(name) !== count && !except.includes(name));
  assert.deepEqual(
    different.map(([name, count]) => `${name}: ${ours.get(name) ?? ""} and not ${count}`),
    [],
  );
}

/** The reasons that the guest promises, of so many vCPUs. */
function assertPromised(sums: Sums, times: number): void {
  for (const [reason, count] of Object.entries(PROMISED))
    assert.equal(sums.get(`kvm_exit(${reason})`), count * times, reason);
  assert.equal(sums.get("kvm_userspace_exit(HLT)"), 37 * times);
  assert.equal(sums.get("kvm_userspace_exit(MMIO)"), 13 * times);
  assert.equal(sums.get("kvm_cpuid"), 23 * times);
  let reasons = 0;
  for (const [name, count] of sums) if (name.startsWith("kvm_exit(")) reasons += count;
  assert.equal(reasons, sums.get("kvm_exit"));
}

test("all tracepoints: the guest's numbers, and all of kvm_stat's", async () => {
  const { ours, theirs } = await counted([], async () =>
    ended(spawn(GUEST, [...WORKLOAD, "--vcpus", "2", "--vms", "2"])),
  );
  assertPromised(ours, 4);
  assertSame(ours, theirs);
});

test("-p: one process's, whose threads wait; the other's are left out", async () => {
  const guest = await waitingGuest("--vcpus", "2");
  const { ours, theirs } = await counted(["-t", "-p", String(guest.pid)], async () => {
    spawnSync(GUEST, ["--cpuid", "1000"]);
    guest.stdin?.end();
    await ended(guest);
  });
  assertPromised(ours, 2);
  // Some come from the scheduler while it switches to the thread, when its perf events don't count yet.
  assertSame(ours, theirs, "kvm_write_tsc_offset");
});

test("-p: threads that start later count", async () => {
  const guest = spawn("sh", ["-c", `read -r go; exec ${GUEST} ${WORKLOAD.join(" ")} --vcpus 2`]);
  const logger = new Logger([process.execPath, TOOL], "-p", String(guest.pid));
  await logger.ready();
  guest.stdin.end("\n");
  await ended(guest);
  assertPromised(await logger.end(), 2);
});

test("-d -p and -d -t: debugfs, of one process, and of all with tracepoints", async () => {
  const run = async (...parameters: string[]) => {
    const guest = await waitingGuest("--hold", "600");
    const all = parameters.map((word) => (word === "PID" ? String(guest.pid) : word));
    const result = await counted(all, async () => {
      guest.stdin?.end();
      await said(guest, "per turn");
    });
    guest.kill();
    await ended(guest);
    return result;
  };
  for (const parameters of [["-d", "-p", "PID"], ["-dt"]]) {
    const { ours, theirs } = await run(...parameters);
    assertSame(ours, theirs);
    assert.equal(ours.get("halt_exits"), 37);
    assert.equal(ours.get("io_exits"), 19 + 17 + 1);
    assert.equal(ours.get("kvm_exit(CPUID)"), parameters[0] === "-dt" ? 23 : undefined);
  }
});

/** Runs guests to their end, leaves their VMs there, and calls `look`. */
async function endedGuests(parameters: readonly string[], look: (pid: number) => void): Promise<void> {
  const guest = spawn(GUEST, [...WORKLOAD, ...parameters, "--time", "--hold", "600"]);
  await said(guest, "per turn");
  try {
    look(guest.pid ?? 0);
  } finally {
    guest.kill();
    await ended(guest);
  }
}

const HALTS = ["-d", "-i", "-1", "-f", "^halt_exits$"];
const halts = (...parameters: string[]) => {
  const { status, stdout, stderr } = run(NAME, ...HALTS, ...parameters);
  assert.equal(status, 0, stderr);
  return { count: /^halt_exits +(\d+) +0\n$/.exec(stdout)?.[1], stderr };
};

test("-d finds the VMs of a process whichever thread made them: by pid, thread's id and name", async () => {
  for (const maker of ["0", "1", "2"])
    await endedGuests(["--maker", maker, "--vms", "2"], (pid) => {
      const expected = { count: String(37 * 2), stderr: "" };
      assert.deepEqual(halts("-p", String(pid)), expected, `maker ${maker}`);
      assert.deepEqual(halts("-g", "guest"), expected);
      const folders = readdirSync("/sys/kernel/debug/kvm").filter((name) => /^\d/.test(name));
      assert.equal(folders.length, 2);
      const thread = folders[0]?.split("-")[0] ?? "";
      assert.equal(thread === String(pid), maker === "0");
      if (maker === "1") assert.deepEqual(halts("-p", thread), expected);
    });
});

test("-d: VMs without a folder are in the sums, which are KVM's own", async () => {
  await endedGuests(["--vms", "3", "--close-vms"], (pid) => {
    assert.equal(readdirSync("/sys/kernel/debug/kvm").filter((name) => /^\d/.test(name)).length, 1);
    const told =
      "kvm-stat: VMs without a folder in debugfs count in the sum of all VMs, and not in that of a process or guest\n";
    assert.deepEqual(halts(), { count: String(37 * 3), stderr: told });
    assert.equal(readFileSync("/sys/kernel/debug/kvm/halt_exits", "utf8"), `${37 * 3}\n`);
    assert.deepEqual(halts("-p", String(pid)), { count: "37", stderr: told });
  });
});

test("-d logs from before the first VM on", async () => {
  const logger = new Logger([process.execPath, TOOL], "-d");
  await logger.ready();
  const guest = spawn(GUEST, [...WORKLOAD, "--time", "--hold", "600"]);
  await said(guest, "per turn");
  const sums = await logger.end("SIGTERM");
  guest.kill();
  assert.equal(sums.get("halt_exits"), 37);
});

test("the same regular expressions select the same fields, in a batch", () => {
  const labels = (command: readonly string[], ...parameters: string[]) => {
    const [program = "", ...rest] = command;
    const { status, stdout, stderr } = spawnSync(program, [...rest, "-1", ...parameters], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    return stdout.split("\n").flatMap((line) => (line === "" ? [] : [line.slice(0, 42).trimEnd()]));
  };
  const ours = [process.execPath, TOOL];
  const recorded: Record<string, number> = {
    kvm_exit$: 1,
    "kvm_(entry|exit)$": 2,
    "(?i)KVM_EXIT\\(cpuid\\)": 2,
  };
  const known = kvmStat && new Set(labels(kvmStat));
  for (const [pattern, count] of Object.entries(recorded))
    assert.equal(labels(ours, "-f", pattern).length, count);
  if (!kvmStat || !known) return;
  for (const pattern of [".*(HLT|IO)", "(?P<a>kvm)_m|[^k]"])
    assert.deepEqual(
      labels(ours, "-f", pattern).filter((label) => known.has(label)),
      labels(kvmStat, "-f", pattern),
      pattern,
    );
});

test("-f help lists the events that tracefs has, and debugfs's with -d", () => {
  const folders = spawnSync("ls", ["-p", "/sys/kernel/tracing/events/kvm"], {
    encoding: "utf8",
    env: { LC_ALL: "C" },
  });
  const events = folders.stdout
    .match(/^.*(?=\/$)/gm)
    ?.map((name) => `  ${name}\n`)
    .join("");
  assert.deepEqual(run(NAME, "-f", "help"), { status: 0, stdout: events, stderr: "" });
  assert.match(run(NAME, "-d", "-f", "help").stdout, /^ {2}exits$/m);
});

test("a plain log: banners every 20 lines, nothing of zeros with -z, closed pipes", async () => {
  const tool = new Running(NAME, "-l", "-s", "0.1", "-f", "kvm_(exit|pio)$");
  await tool.seen(/(kvm_exit kvm_pio \n(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {9}0 {9}0\n){20}){2}/);
  assert.equal((await tool.end("SIGTERM")).status, 0);
  const quiet = new Running(NAME, "-l", "-z", "-s", "0.1", "-f", "kvm_cpuid$");
  await quiet.seen(/^kvm_cpuid \n/);
  await sleep(500);
  spawnSync(GUEST, ["--cpuid", "5"]);
  await quiet.seen(/\n/);
  await sleep(500);
  const { stdout } = await quiet.end("SIGINT");
  assert.match(stdout, /^kvm_cpuid \n([-0-9: ]{19} {9}[1-5]\n)+$/);
  assert.equal(
    stdout.split("\n").reduce((sum, line) => sum + Number(line.slice(19)), 0),
    5,
  );
  const piped = spawnSync("sh", ["-c", `${process.execPath} ${TOOL} -l -s 0.1 | head -n 2`], {
    encoding: "utf8",
  });
  assert.equal(piped.stderr, "");
});

test("SIGHUP opens the log again, and a log that goes on keeps its columns", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "stat-")), "log.csv");
  const lines = (path: string) => readFileSync(path, "utf8").split("\n");
  const start = () => new Running(NAME, "-c", "-s", "0.2", "-f", "kvm_(exit|pio)$", "-L", file);
  const first = start();
  const grown = (path: string, count: number) =>
    until(path, () => {
      try {
        return lines(path).length > count;
      } catch {
        return false;
      }
    });
  await grown(file, 3);
  renameSync(file, `${file}.1`);
  first.child.kill("SIGHUP");
  await grown(file, 3);
  assert.deepEqual(await first.end("SIGTERM"), { status: 0, stdout: "", stderr: "" });
  assert.equal(lines(file)[0], "timestamp,kvm_exit,kvm_pio");
  assert.equal(lines(`${file}.1`)[0], "timestamp,kvm_exit,kvm_pio");
  const before = lines(file).length;
  const second = new Running(NAME, "-c", "-s", "0.2", "-f", "kvm_(pio|exit|cpuid)$", "-L", file);
  await grown(file, before + 2);
  await second.end("SIGTERM");
  assert.equal(lines(file).filter((line) => line.startsWith("timestamp")).length, 1);
  assert.ok(lines(file).every((line) => line === "" || line.split(",").length === 3));
});

test("a last line that a full disk cut off is ended before a log goes on", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "stat-")), "log");
  writeFileSync(file, "2026-11-21 12:00:00        2");
  const tool = new Running(NAME, "-s", "0.2", "-f", "kvm_exit$", "-L", file);
  await until(file, () => readFileSync(file, "utf8").split("\n").length > 3);
  await tool.end("SIGTERM");
  assert.match(readFileSync(file, "utf8"), /^2026-11-21 12:00:00 {8}2\nkvm_exit *\n/);
});

test("a log that was emptied (copytruncate) begins with a heading; only its owner and group may read it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stat-"));
  for (const [format, heading] of [
    ["-c", /^timestamp,kvm_exit\n([-0-9: ]{19},\d+\n){2}/],
    ["-s0.1", /^kvm_exit \n([-0-9: ]{19} +\d+\n){2}/],
  ] as const) {
    const file = join(folder, format);
    const tool = new Running(NAME, format, "-s", "0.1", "-f", "kvm_exit$", "-L", file);
    const begun = () => existsSync(file) && heading.test(readFileSync(file, "utf8"));
    await until(file, begun);
    assert.equal(statSync(file).mode & 0o777, 0o640);
    truncateSync(file);
    await until(file, begun);
    assert.deepEqual(await tool.end("SIGTERM"), { status: 0, stdout: "", stderr: "" });
  }
});

test("a plain log's banner has what this architecture can count, CSV's heading all names of kvm_stat", () => {
  const banner = (...parameters: string[]) =>
    spawnSync("timeout", ["-s", "INT", "5", process.execPath, TOOL, "-l", ...parameters], {
      encoding: "utf8",
    }).stdout.split("\n")[0];
  const fields = ["-f", "kvm_userspace_exit"];
  assert.match(banner(...fields) ?? "", /kvm_userspace_exit\(HLT\) /);
  assert.doesNotMatch(banner(...fields) ?? "", /S390|RISCV|ARM|LOONGARCH|PAPR|DCR/);
  assert.match(banner("-c", ...fields) ?? "", /,kvm_userspace_exit\(S390_SIEIC\),/);
});

test("stopped, a log has a last line with what was counted since the line before", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const tool = new Running(NAME, "-l", "-s", "25", "-f", "kvm_cpuid$");
    await tool.seen(/^kvm_cpuid \n/);
    spawnSync(GUEST, ["--cpuid", "23"]);
    const { status, stdout } = await tool.end(signal);
    assert.equal(status, 0);
    assert.match(stdout, /^kvm_cpuid \n[-0-9: ]{19} {8}23\n$/);
  }
});

test("after a pause, one line or table covers the intervals that were missed", async () => {
  for (const [name, first, ...parameters] of [
    [NAME, /\n/, "-lcs0.2", "-f", "kvm_cpuid$"],
    ["kvm-vmexit-count", /Tracing/, "--csv", "--reasons", "CPUID", "0.2"],
  ] as const) {
    const begin = performance.now();
    const tool = new Running(name, ...parameters);
    await tool.seen(first);
    tool.child.kill("SIGSTOP");
    spawnSync(GUEST, ["--cpuid", "23"]);
    await sleep(3000);
    tool.child.kill("SIGCONT");
    await tool.seen(/,23(,|\n)/);
    const { stdout } = await tool.end("SIGTERM");
    const rows = stdout.trimEnd().split("\n").slice(1);
    // In the time that it ran, and one more for the pause and for the end each.
    assert.ok(rows.length <= (performance.now() - begin - 3000) / 200 + 2, stdout);
  }
});

test("what is missing is told in one line", () => {
  assert.deepEqual(run(NAME, "-L", "/nowhere/log"), {
    status: 1,
    stdout: "",
    stderr: "Error: Could not open file: /nowhere/log: ENOENT: no such file or directory; log elsewhere\n",
  });
  assert.deepEqual(run(NAME), {
    status: 1,
    stdout: "",
    stderr: "kvm-stat: the screen needs a terminal; without one use -1, -l or -L FILE\n",
  });
});
