// SPDX-License-Identifier: MIT
// kvm-vmexit-count on a real KVM host: exact counts, filters, intervals, JSON, signals.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import test from "node:test";
import type { Report } from "../../src/doctor";
import { SCHEMA } from "../../src/measure/lines";
import { NOTHING_LOST } from "../../src/measure/lost";
import { GUEST, Running, run } from "../tools";
import { PROMISED, WORKLOAD, assertPromised, rows } from "./counts";
import { jsonLines } from "./json";
import { MODES } from "./machine";

const TOOL = "kvm-vmexit-count";

for (const attach of MODES)
  test(`${attach}: every kind comes out as the number asked for`, () => {
    const result = run(TOOL, "--attach", attach, "--", GUEST, ...WORKLOAD, "--vcpus", "3", "--vms", "2");
    const found = assertPromised(result, 6);
    const sum = [...found].filter(([name]) => name !== "Total").reduce((total, [, row]) => total + row[0], 0);
    assert.equal(found.get("Total")?.[0], sum);
    assert.ok((found.get("NPF")?.[0] ?? 0) >= 6 * 13, "MMIO is a nested page fault each time");
    assert.match(result.stderr, /^Tracing\.\.\. Hit Ctrl-C to end\.$/m);
    assert.doesNotMatch(result.stdout, /Lost/);
  });

test("kvm-vmexit's words count, time and record as the commands do", () => {
  assertPromised(run("kvm-vmexit", "count", "--", GUEST, ...WORKLOAD));
  const timed = run("kvm-vmexit", "time", "--json", "--", GUEST, ...WORKLOAD);
  assert.equal(timed.status, 0, timed.stderr);
  assert.match(timed.stdout, /"tool":"kvm-vmexit-time"/);
  const recorded = run("kvm-vmexit", "trace", "record", "-o", "/tmp/umbrella.bin", "--", GUEST, ...WORKLOAD);
  assert.match(recorded.stderr, /^kvm-vmexit trace record: \d+ events/m);
  assertPromised(run("kvm-vmexit", "trace", "report", "/tmp/umbrella.bin"));
});

test("kvm-vmexit doctor finds all that the tools need, how they attach, and the VMs that run", async () => {
  const guest = new Running(TOOL, "--", GUEST, "--hlt", "100000", "--vcpus", "2");
  await guest.seen(/Tracing/);
  let report: Report;
  do {
    const { status, stdout, stderr } = run("kvm-vmexit", "doctor", "--json");
    assert.equal(status, 0, stdout + stderr);
    report = JSON.parse(stdout) as Report;
  } while (report.vms.length === 0);
  await guest.end("SIGTERM");
  assert.deepEqual(
    report.vms.map(({ name }) => name),
    ["guest"],
  );
  const way = { direct: /^directly/, raw: /^to KVM's raw/, record: /^by payload/ }[MODES[0] ?? "record"];
  assert.match(report.tools[0]?.attach ?? "", way);
  assert.deepEqual(
    report.findings.filter(({ state }) => state === "bad"),
    [],
  );
});

test("auto attaches directly where the kernel can, and --verbose says so", () => {
  const result = run(TOOL, "-v", "-d", "0.1");
  assert.match(result.stderr, new RegExp(`^attached: ${MODES[0]}; 4096 accounts`, "m"));
  const program = {
    direct: /direct_exit_svm_count(_cast)? on tp_btf\/kvm_exit/,
    raw: /raw_exit_count on raw_tp\/kvm_exit/,
    record: /record_exit on tp\/kvm\/kvm_exit/,
  }[MODES[0] ?? "record"];
  assert.match(result.stderr, program);
});

for (const attach of MODES)
  test(`${attach}: failed entries are rows with their negative number`, () => {
    const result = run(TOOL, "--attach", attach, "--json", "--", GUEST, "--cpuid", "5", "--fail-entry", "7");
    const failed = jsonLines(result)[0]?.exits.find((exit) => exit.reason === -1);
    assert.deepEqual(failed, { isa: "svm", reason: -1, name: "ERR", count: { total: 7, l1: 7, l2: 0 } });
    assert.match(
      run(TOOL, "--attach", attach, "--", GUEST, "--fail-entry", "7").stdout,
      /^ +-1 ERR +7 +7 +0$/m,
    );
  });

test("--json prints one object a line, the last one final, and nothing else", () => {
  const result = run(
    TOOL,
    "--json",
    "0.5",
    "--",
    "sh",
    "-c",
    `${GUEST} ${WORKLOAD.join(" ")}; echo text; sleep 2`,
  );
  const lines = jsonLines(result);
  assert.ok(lines.length > 1);
  const sums: Record<string, number> = {};
  for (const [i, line] of lines.entries()) {
    assert.equal(line.schema, SCHEMA);
    assert.equal(line.tool, TOOL);
    assert.equal(line.final, i === lines.length - 1);
    assert.ok(Date.parse(line.start) < Date.parse(line.end));
    if (i > 0) assert.equal(line.start, lines[i - 1]?.end);
    assert.deepEqual(line.lost, NOTHING_LOST);
    for (const { name, count } of line.exits) sums[name] = (sums[name] ?? 0) + count.total;
  }
  for (const [name, count] of Object.entries(PROMISED)) assert.equal(sums[name], count, name);
  assert.match(result.stderr, /^text$/m, "the command's own output keeps out of the way");
});

test("--reasons and --excludes take numbers and names", () => {
  const only = run(TOOL, "--reasons", "114,msr,", "--", GUEST, ...WORKLOAD);
  assert.deepEqual([...rows(only.stdout).keys()], ["CPUID", "MSR", "Total"]);
  assert.deepEqual(rows(only.stdout).get("Total"), [107, 107, 0]);
  const without = run(TOOL, "--excludes", "0x400,INTR,hlt", "--", GUEST, ...WORKLOAD);
  assert.deepEqual([...rows(without.stdout).keys()], ["CPUID", "IOIO", "MSR", "VMMCALL", "Total"]);
});

test("a reason that isn't one here is refused, with what may have been meant", () => {
  const wrongNumber = run(TOOL, "--reasons", "12");
  assert.equal(wrongNumber.status, 2);
  assert.equal(wrongNumber.stderr, `${TOOL}: "12" is not an exit reason of svm; HLT is 120 here\n`);
  const wrongName = run(TOOL, "--excludes", "HTL");
  assert.equal(wrongName.status, 2);
  assert.match(wrongName.stderr, /"HTL" is not an exit reason .* nearest are HLT/);
});

for (const attach of MODES)
  test(`${attach}: --pid limits the trace to these processes`, async () => {
    // Guests that begin after tracing is on, in processes that are there before.
    const start = () => spawn("sh", ["-c", 'read line; exec "$0" "$@"', GUEST, ...WORKLOAD]);
    const [wanted, other] = [start(), start()];
    const ends = [wanted, other].map((guest) => new Promise((resolve) => guest.on("exit", resolve)));
    const tool = new Running(TOOL, "--attach", attach, "--pid", `${wanted.pid ?? 0},`);
    await tool.seen(/Tracing/);
    for (const guest of [wanted, other]) guest.stdin.end("begin\n");
    await Promise.all(ends);
    assertPromised(await tool.end("SIGINT"), 1);
    assert.notEqual(wanted.pid, other.pid);
  });

for (const signal of ["SIGINT", "SIGTERM"] as const)
  test(`${signal} ends the trace with its table`, async () => {
    const tool = new Running(TOOL);
    await tool.seen(/Tracing/);
    spawnSync(GUEST, WORKLOAD);
    assertPromised(await tool.end(signal));
  });

test("a closed pipe ends the trace, without a word", () => {
  const shell = `node dist/bin/${TOOL}.js 0.2 | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const result = spawnSync("bash", ["-c", shell], { encoding: "utf8", timeout: 60_000 });
  assert.match(result.stdout, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \([\d.]+ m?s\)\n0\n$/);
  assert.equal(result.stderr, "Tracing... Hit Ctrl-C to end.\n");
});

test("a full disk is said, with status 1", () => {
  const full =
    "disk=$(mktemp -d) && mount -t tmpfs -o size=4k full $disk && head -c 4096 /dev/zero > $disk/file";
  const shell = `${full}; node dist/bin/${TOOL}.js -d 0.2 >> $disk/file`;
  const result = spawnSync("bash", ["-c", shell], { encoding: "utf8" });
  assert.equal(result.status, 1);
  assert.match(result.stderr, /cannot write to standard output: .*ENOSPC/);
});

test("interval and count make that many tables, with time stamps, an empty line between", () => {
  const result = run(TOOL, "0.3", "3");
  assert.equal(result.status, 0);
  assert.equal(
    result.stdout.match(/(?:^|\d\n\n)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \([\d.]+ m?s\)\n(?!\n)/g)?.length,
    3,
  );
  assert.equal(result.stdout.match(/\n\n/g)?.length, 2);
});

test("a host without exits gives an empty table and says so", () => {
  const result = run(TOOL, "-d", "0.2");
  assert.equal(result.status, 0);
  assert.deepEqual([...rows(result.stdout)], [["Total", [0, 0, 0]]]);
  assert.match(result.stderr, /There were no exits; is a VM running\?/);
});

test("the status is the command's", () => {
  assert.equal(run(TOOL, "--", "sh", "-c", "exit 7").status, 7);
  assert.equal(run(TOOL, "--", "sh", "-c", "kill -9 $$").status, 137);
  const missing = run(TOOL, "--", "/nonexistent/program");
  assert.equal(missing.status, 1);
  assert.equal(missing.stdout, "");
  assert.match(missing.stderr, /cannot run "\/nonexistent\/program" \(ENOENT\)/);
});

test("more vCPUs than accounts: what is lost is counted and said", () => {
  const result = run(TOOL, "--max-vcpus", "1", "--", GUEST, "--cpuid", "100", "--vcpus", "100");
  const counted = rows(result.stdout).get("CPUID")?.[0] ?? 0;
  const lost = Number(
    /^Lost: (\d+) exits of vCPUs for which there was no account; raise --max-vcpus$/m.exec(
      result.stdout,
    )?.[1],
  );
  // At least 64 of the 100 vCPUs have a record: --max-vcpus 1 makes 64 of them.
  assert.ok(counted < 10_000 && counted >= 64 * 100, result.stdout);
  assert.ok(counted + lost >= 10_000, result.stdout);
});

test("losses are told when they happen; --strict=now ends the run with status 3", async () => {
  const guest = ["--", GUEST, "--cpuid", "100", "--vcpus", "100", "--hold", "600"];
  const tool = new Running(TOOL, "--max-vcpus", "1", ...guest);
  await tool.seen(/^Lost: \d+ exits of vCPUs for which there was no account; raise --max-vcpus$/m);
  const { status, stdout } = await tool.end("SIGINT");
  assert.equal(status, 0);
  assert.match(stdout, /^Lost: /m);
  for (const command of [["count"], ["split"], ["split", "0.1", "--csv"]]) {
    const strict = run("kvm-vmexit", ...command, "--max-vcpus", "1", "--strict=now", ...guest);
    assert.equal(strict.status, 3, command.join(" "));
    assert.match(strict.stderr, /^Lost: /m);
  }
});

test("attached by payload, a thread's vCPUs beyond those that have accounts are counted as lost", () => {
  const guest = [GUEST, "--one-thread", "--vcpus", "70", "--cpuid", "100"];
  const result = run(TOOL, "--attach", "record", "--reasons", "CPUID,IOIO,NPF", "--", ...guest);
  const counted = rows(result.stdout);
  const lost = Number(
    /^Lost: (\d+) exits of a thread's further vCPUs without an account; raise --max-vcpus or attach direct$/m.exec(
      result.stdout,
    )?.[1],
  );
  assert.equal(counted.get("CPUID")?.[0], 64 * 100, result.stdout);
  assert.ok(lost >= 6 * 100, result.stdout);
});

test("nothing is lost when more vCPUs come and go than there are accounts", () => {
  // 32 vCPUs at a time, fewer than records; then the tool has the machine for a reading.
  const guest = `for i in $(seq 30); do ${GUEST} --cpuid 10 --vcpus 8; [ $((i % 4)) != 0 ] || sleep 1; done`;
  const result = run(TOOL, "--max-vcpus", "1", "--reasons", "CPUID", "0.5", "--", "sh", "-c", guest);
  const sum = [...result.stdout.matchAll(/^ *114 CPUID +(\d+)/gm)].reduce(
    (total, match) => total + Number(match[1]),
    0,
  );
  assert.equal(sum, 2400, result.stdout);
  assert.doesNotMatch(result.stdout, /Lost/);
});
