// SPDX-License-Identifier: MIT
// kvm-vmexit-time, -hist and -slower on a real KVM host: exact counts, times of known length, filters and groups.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { openSession, openSplit, readLine } from "kvm-vmexit";
import { type By, groupSamples } from "../../src/measure/grouping";
import type { Sample, Samples } from "../../src/measure/samples";
import { reasonName } from "../../src/reasons";
import { countTable } from "../../src/render/count";
import { csvHeading } from "../../src/render/csv";
import { jsonLine } from "../../src/render/json";
import { type Form, PLAIN } from "../../src/render/form";
import { titleOf } from "../../src/render/names";
import { splitTable } from "../../src/render/split";
import { splitJsonLine } from "../../src/render/split-lines";
import { timeTable } from "../../src/render/time";
import { splitGroup } from "../../src/split/groups";
import { splitDiff } from "../../src/split/reading";
import { histogramsByReason } from "../../tools/lib/histograms";
import { GUEST, type Result, Running, run } from "../tools";
import { PROMISED, WORKLOAD } from "./counts";
import { type Line, jsonLines, sumOfReason } from "./json";
import { MODES } from "./machine";

/** Asserts the guest's promise, `times` over, and that every exit but each vCPU's last has a time. */
function assertExact(lines: readonly Line[], times: number): void {
  for (const [name, count] of Object.entries(PROMISED)) {
    assert.equal(
      sumOfReason(lines, name, (exits) => exits.count.total),
      count * times,
      name,
    );
    // The write that ends a vCPU is never followed by an entry.
    const unfinished = name === "IOIO" ? times : 0;
    assert.equal(
      sumOfReason(lines, name, (exits) => exits.timed.total),
      count * times - unfinished,
      name,
    );
  }
}

for (const attach of MODES)
  test(`time, ${attach}: exact counts, and each exit has its time`, () => {
    const result = run(
      "kvm-vmexit-time",
      "--attach",
      attach,
      "--json",
      "--",
      GUEST,
      ...WORKLOAD,
      "--vcpus",
      "3",
    );
    const lines = jsonLines(result);
    assertExact(lines, 3);
    for (const exits of lines.flatMap((line) => line.exits)) {
      assert.equal(exits.timeNs.total, exits.timeNs.l1 + exits.timeNs.l2);
      assert.ok(
        exits.maxNs.total <= exits.timeNs.total &&
          exits.maxNs.total * exits.timed.total >= exits.timeNs.total,
      );
    }
  });

for (const attach of MODES)
  test(`hist, ${attach}: buckets sum to the exits that have a time, and hold them`, () => {
    const result = run(
      "kvm-vmexit-hist",
      "--attach",
      attach,
      "--json",
      "--",
      GUEST,
      ...WORKLOAD,
      "--vcpus",
      "2",
    );
    const lines = jsonLines(result);
    assertExact(lines, 2);
    for (const { histogram, timed, maxNs, timeNs } of lines.flatMap((line) => line.exits)) {
      const sum = (of: (row: [number, number, number]) => number) =>
        histogram.total.reduce((total, row) => total + of(row), 0);
      assert.equal(
        sum((row) => row[2]),
        timed.total,
      );
      assert.ok(
        sum((row) => row[0] * row[2]) <= timeNs.total && sum((row) => row[1] * row[2]) >= timeNs.total,
      );
      const last = histogram.total.at(-1);
      if (last) assert.ok(last[0] <= maxNs.total && maxNs.total <= last[1]);
    }
  });

test("hist: reasons as operands; the layout is bcc's", () => {
  const result = run("kvm-vmexit-hist", "124", "cpuid", "--", GUEST, ...WORKLOAD);
  const [title, heading, first, ...rest] = result.stdout.trimEnd().split("\n");
  assert.match(title ?? "", /^107 exits, average \d+ ns$/);
  assert.match(rest.pop() ?? "", /^Measured for [\d.]+ m?s$/);
  assert.equal(heading, "     value (ns)          : count     distribution");
  assert.equal(first, `         0 -> 1          : 0        |${" ".repeat(40)}|`);
  const count = rest.reduce((sum, line) => sum + Number(/: (\d+) +\|/.exec(line)?.[1]), 0);
  assert.equal(count, 84 + 23);
  for (const line of rest) assert.ok(line.length <= 80, line);
});

test("hist: --unit changes how bounds are written, not what is between them", () => {
  const result = run("kvm-vmexit-hist", "--unit", "us", "CPUID", "--", GUEST, "--cpuid", "23");
  const [, heading, first, ...rest] = result.stdout.trimEnd().split("\n").slice(0, -1);
  assert.match(heading ?? "", /^ {5}value \(us\) /);
  assert.match(first ?? "", /^ {5}0\.000 -> 0\.001 {6}: 0 /);
  assert.equal(
    rest.reduce((sum, line) => sum + Number(/: (\d+) +\|/.exec(line)?.[1]), 0),
    23,
  );
});

test("hist: a number of another instruction set is explained", () => {
  const result = run("kvm-vmexit-hist", "12");
  assert.equal(result.status, 2);
  assert.match(result.stderr, /"12" is not an exit reason of svm; HLT is 120 here/);
});

for (const attach of MODES)
  test(`slower, ${attach}: at threshold 0, every exit that has a time`, () => {
    const command = ["--", GUEST, "--cpuid", "23", "--out", "19", "--rdmsr", "41", "--vcpus", "2"];
    const lines = jsonLines(
      run("kvm-vmexit-slower", "0", "--attach", attach === "record" ? attach : "auto", "--json", ...command),
    );
    const count = (name: string) => lines.filter((line) => line.slow?.name === name).length;
    assert.deepEqual([count("CPUID"), count("IOIO"), count("MSR")], [46, 38, 82]);
  });

test("slower: exits of known length, and nothing faster than the threshold", () => {
  const command = ["--", GUEST, "--cpuid", "200", "--out", "5", "--pause-ms", "150"];
  const lines = jsonLines(run("kvm-vmexit-slower", "150", "--json", "--reasons", "IOIO", ...command));
  const slow = lines.flatMap((line) => line.slow ?? []);
  assert.ok(slow.length >= 5);
  for (const exit of slow) assert.ok(exit.ns >= 150e6 && exit.details === "out 0x3f8 1 byte (COM1)");
});

test("slower: excludes act in the kernel and are said first; fractions of ms", () => {
  const result = run(
    "kvm-vmexit-slower",
    "0.000001",
    "--excludes",
    "HLT,0x400",
    "--",
    GUEST,
    "--cpuid",
    "3",
    "--hlt",
    "3",
  );
  assert.match(result.stderr, /^Excludes: HLT, NPF\nTracing/);
  assert.doesNotMatch(result.stdout, /HLT|NPF/);
  assert.equal(result.stdout.match(/^ 114 CPUID {12} +\d+ \(L1\)$/gm)?.length, 3, result.stdout);
});

test("slower: --wide decodes ports, MSRs and faults", () => {
  const result = run(
    "kvm-vmexit-slower",
    "0",
    "--wide",
    "-T",
    "--",
    GUEST,
    ..."--in 1 --rdmsr 1 --wrmsr 1 --mmio 1".split(" "),
  );
  assert.match(
    result.stdout,
    /^\d\d:\d\d:\d\d\.\d{3} {2}123 IOIO .* guest \d+ vCPU 0 rip 0x\w+ in 0x3f8 1 byte \(COM1\)$/m,
  );
  assert.match(result.stdout, / 124 MSR .* read IA32_PAT \(0x277\)$/m);
  assert.match(result.stdout, / 124 MSR .* write IA32_PAT \(0x277\)$/m);
  assert.match(result.stdout, /1024 NPF .* write 0xd0000(-0xd0fff)? \(option ROMs\)$/m);
});

test("slower: each exit of a flood is printed or counted as lost, and --strict makes status 3 of a loss", () => {
  const result = run(
    "kvm-vmexit-slower",
    "0",
    "--reasons",
    "CPUID",
    "--strict",
    "--",
    GUEST,
    "--cpuid",
    "60000",
  );
  const shown = result.stdout.match(/^ 114 CPUID/gm)?.length ?? 0;
  const lost = Number(/^Lost: (\d+) slow exits/m.exec(result.stdout)?.[1] ?? 0);
  assert.equal(shown + lost, 60_000);
  assert.equal(result.status, lost > 0 ? 3 : 0);
});

test("an exit that lasts across intervals is counted once, with its whole time", () => {
  const command = ["--", GUEST, "--out", "2", "--pause-ms", "1200"];
  const lines = jsonLines(run("kvm-vmexit-time", "--json", "0.4", ...command));
  assert.ok(lines.length >= 4);
  assert.equal(
    sumOfReason(lines, "IOIO", (exits) => exits.count.total),
    3,
  );
  assert.ok(sumOfReason(lines, "IOIO", (exits) => exits.timeNs.total) >= 2.4e9);
  for (const exits of lines.flatMap((line) => line.exits))
    for (const levels of [exits.count, exits.timed, exits.timeNs, exits.maxNs])
      for (const value of Object.values(levels) as number[]) assert.ok(value >= 0);
});

for (const attach of MODES)
  test(`${attach}: HLT that sleeps in the kernel across intervals`, () => {
    const command = ["--", GUEST, "--cpuid", "23", "--hlt", "5", "--nap-ms", "600", "--vcpus", "2"];
    const lines = jsonLines(run("kvm-vmexit-time", "--attach", attach, "--json", "0.25", ...command));
    for (const [name, count] of [
      ["CPUID", 46],
      ["HLT", 10],
    ] as const)
      for (const of of ["count", "timed"] as const)
        assert.equal(
          sumOfReason(lines, name, (exits) => exits[of].total),
          count,
        );
    const halts = lines.flatMap((line) => line.exits.filter(({ name }) => name === "HLT"));
    // The first of each vCPU begins somewhere between two signals, and the others right after one.
    assert.ok(halts.reduce((sum, { timeNs }) => sum + timeNs.total, 0) > 8 * 500e6);
    assert.ok(lines.length > halts.length, "a HLT lies open at the end of some intervals");
  });

for (const attach of MODES)
  test(`${attach}: vCPUs that change their threads, on one CPU with another guest`, () => {
    const guest = `taskset -c 0 ${GUEST} ${WORKLOAD.join(" ")}`;
    const both = `${guest} --threads-move --vcpus 2 & ${guest} --vcpus 2 & wait`;
    const lines = jsonLines(
      run("kvm-vmexit-time", "--attach", attach, "--json", "--by", "vm", "--", "sh", "-c", both),
    );
    const pids = new Set(lines.flatMap((line) => line.exits.map((exits) => exits.pid)));
    assert.equal(pids.size, 2);
    for (const pid of pids)
      for (const [name, count] of Object.entries(PROMISED)) {
        const sum = sumOfReason(lines, name, (exits) => (exits.pid === pid ? exits.count.total : 0));
        assert.equal(sum, count * 2, `${name} of ${String(pid)}`);
      }
  });

for (const attach of MODES)
  test(`${attach}: vCPUs that one thread runs in turns have their own exits and times`, () => {
    const shared = ["--vcpus", "3", "--one-thread", "--pause-ms", "4"];
    const guest = ["--", GUEST, "--cpuid", "23", "--out", "19", "--hlt", "37", ...shared];
    const lines = jsonLines(run("kvm-vmexit-time", "--attach", attach, "--json", "--by", "vcpu", ...guest));
    for (const vcpu of [0, 1, 2])
      for (const [name, count, timed] of [
        ["CPUID", 23, 23],
        ["IOIO", 20, 19],
        ["HLT", 37, 37],
      ] as const) {
        const of = (what: "count" | "timed") =>
          sumOfReason(lines, name, (exits) => (exits.vcpu === vcpu ? exits[what].total : 0));
        assert.deepEqual([of("count"), of("timed")], [count, timed], `${name} of ${vcpu}`);
      }
    // An exit lasts over the others' turns, of 10 exits each; the last of all is not followed by a pause.
    for (const vcpu of [0, 1, 2]) {
      const ns = sumOfReason(lines, "IOIO", (exits) => (exits.vcpu === vcpu ? exits.timeNs.total : 0));
      assert.ok(ns >= (19 + 19) * 4e6, `${vcpu}: ${ns}`);
    }
    // The first entry of one isn't the end of the exit before it, another's.
    const few = ["--", GUEST, "--out", "7", ...shared];
    const ends = jsonLines(run("kvm-vmexit-time", "--attach", attach, "--json", "--by", "vcpu", ...few));
    for (const vcpu of [0, 1, 2])
      assert.equal(
        sumOfReason(ends, "IOIO", (exits) => (exits.vcpu === vcpu ? exits.timed.total : 0)),
        7,
        `${vcpu}`,
      );
    const one = jsonLines(run("kvm-vmexit-count", "--attach", attach, "--json", "--vcpu", "1", ...guest));
    assert.equal(
      sumOfReason(one, "CPUID", ({ count }) => count.total),
      23,
    );
  });

for (const attach of MODES)
  test(`${attach}: vCPUs that are moved from CPU to CPU, exits open or not`, () => {
    const moved = `${GUEST} --cpuid 997 --out 301 --pause-ms 20 --vcpus 2 & guest=$!; cpu=0
      while kill -0 $guest; do taskset -acp $cpu $guest && echo moved >&2; cpu=$((1 - cpu)); done >&2; wait $guest`;
    const result = run("kvm-vmexit-time", "--attach", attach, "--json", "--", "sh", "-c", moved);
    assert.ok((result.stderr.match(/^moved$/gm) ?? []).length > 10, result.stderr);
    const lines = jsonLines(result);
    assert.equal(
      sumOfReason(lines, "CPUID", ({ timed }) => timed.total),
      2 * 997,
    );
    assert.equal(
      sumOfReason(lines, "IOIO", ({ count }) => count.total),
      2 * 302,
    );
    const pauses = lines.flatMap((line) => line.exits.filter(({ name }) => name === "IOIO"));
    const ns = pauses.reduce((sum, { timeNs }) => sum + timeNs.total, 0);
    assert.ok(ns >= 2 * 301 * 20e6, String(ns));
  });

test("--by vcpu tells vCPUs of one VM apart; --vcpu takes some of them", () => {
  const guest = [GUEST, ...WORKLOAD, "--vcpus", "4"];
  const all = jsonLines(run("kvm-vmexit-time", "--json", "--by", "vcpu", "--", ...guest));
  for (const vcpu of [0, 1, 2, 3])
    assert.equal(
      sumOfReason(all, "CPUID", (exits) => (exits.vcpu === vcpu ? exits.count.total : 0)),
      23,
    );
  for (const attach of MODES) {
    const some = jsonLines(
      run(
        "kvm-vmexit-count",
        "--attach",
        attach,
        "--json",
        "--by",
        "vcpu",
        "--vcpu",
        "0,2-3",
        "--",
        ...guest,
      ),
    );
    assert.deepEqual(
      new Set(some.flatMap((line) => line.exits.map((exits) => exits.vcpu))),
      new Set([0, 2, 3]),
    );
    assert.equal(
      sumOfReason(some, "MSR", (exits) => exits.count.total),
      3 * 84,
    );
  }
});

test("--vm takes names and globs", () => {
  const guest = [GUEST, "--cpuid", "23"];
  const count = (name: string) =>
    sumOfReason(
      jsonLines(run("kvm-vmexit-count", "--json", "--vm", name, "--", ...guest)),
      "CPUID",
      (exits) => exits.count.total,
    );
  assert.deepEqual([count("guest"), count("gu?s*"), count("other")], [23, 23, 0]);
});

test("--idle hides HLT from rows, sums and shares, and says so", () => {
  const guest = [GUEST, ...WORKLOAD];
  const hidden = run("kvm-vmexit-time", "--wide", "--idle", "hide", "--", ...guest).stdout;
  assert.doesNotMatch(hidden, /^ *\d+ HLT/m);
  assert.match(hidden, /^Left out: 37 idle exits \(HLT\), [\d.]+ (ns|us|ms|s)$/m);
  const only = run("kvm-vmexit-time", "--idle", "only", "--", ...guest).stdout;
  assert.match(only, /^ *Total \(Avg ns\) +37 \(/m);
});

test("--wide: JSON has histograms, CSV percentiles", () => {
  const [json, csv] = ["--json", "--csv"].map((form) =>
    run("kvm-vmexit-time", "--wide", form, "--reasons", "CPUID", "--", GUEST, "--cpuid", "23"),
  );
  const [exits] = jsonLines(json as Result).flatMap((line) => line.exits);
  assert.equal(
    exits?.histogram.l1.reduce((sum, [, , count]) => sum + count, 0),
    23,
  );
  const [heading = "", row = ""] = (csv as Result).stdout.split("\n");
  assert.equal(heading, csvHeading("wide"));
  const [names, fields] = [heading.split(","), row.split(",")];
  const of = (name: string) => Number(fields[names.indexOf(name)]);
  assert.deepEqual([of("count"), of("timed")], [23, 23]);
  const percentiles = names.filter((name) => /^p\d+_ns$/.test(name)).map(of);
  assert.deepEqual(
    percentiles,
    percentiles.toSorted((a, b) => a - b),
  );
  assert.ok(percentiles.length > 0 && percentiles.every((ns) => ns > 0 && ns <= of("max_ns")));
});

test("intervals of a busy guest have as many exits in histograms as have times", () => {
  const guest = [GUEST, "--cpuid", "60000", "--vcpus", "2"];
  const lines = jsonLines(run("kvm-vmexit-time", "--wide", "--json", "0.02", "--", ...guest));
  assert.ok(lines.length > 5);
  for (const { exits } of lines)
    for (const { histogram, timed } of exits)
      assert.equal(
        histogram.total.reduce((sum, [, , count]) => sum + count, 0),
        timed.total,
      );
  assert.equal(
    sumOfReason(lines, "CPUID", ({ count }) => count.total),
    120_000,
  );
});

test("what can't be traced, or let nothing through, is said", () => {
  const count = (...parameters: string[]) => run("kvm-vmexit-count", ...parameters);
  const gone = count("-p", "4194304");
  assert.deepEqual([gone.status, gone.stdout], [1, ""]);
  assert.match(gone.stderr, /: there is no process 4194304; kvm-vmexit-count --by vm shows/);
  const shell = "sleep 300 >/dev/null 2>&1 & exec node dist/bin/kvm-vmexit-slower.js -d 0.1 -p $!";
  const other = spawnSync("sh", ["-c", shell], { encoding: "utf8" });
  assert.equal(other.status, 0);
  assert.match(other.stderr, /^Process \d+ runs no VM now; its exits count as soon as it does\.$/m);
  const guest = ["--", GUEST, "--cpuid", "3"];
  assert.match(
    count("--vm", "nope", ...guest).stderr,
    /no exits of VMs called "nope"; there were of "guest"\.$/m,
  );
  assert.match(count("--reasons", "HLT", ...guest).stderr, /no exits of these reasons\.$/m);
  // Node can't tell it from /dev/null opened as some programs do for those they start, so it is no error.
  const closed = spawnSync("sh", ["-c", "exec node dist/bin/kvm-vmexit-time.js -d 0.1 >&-"], {
    encoding: "utf8",
  });
  assert.equal(closed.status, 0);
  assert.match(closed.stderr, /^kvm-vmexit-time: standard output is closed, or is \/dev\/null: [^\n]*$/m);
});

test("more memory than there is: how much, and what to do", () => {
  const { status, stderr } = run("kvm-vmexit-hist", "--max-vcpus", "131072", "-d", "0.1");
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^kvm-vmexit-hist: the kernel has no memory for the counters, \d{4} MiB; lower --max-vcpus$/m,
  );
});

test("--csv: a heading once, and a row for each reason and level", () => {
  const result = run("kvm-vmexit-time", "--csv", "0.3", "--", GUEST, ...WORKLOAD);
  const [heading = "", ...rows] = result.stdout.trimEnd().split("\n");
  assert.equal(heading, csvHeading("time"));
  const names = heading.split(",");
  const counts = new Map<string, number>();
  for (const row of rows) {
    const fields = row.split(",");
    const of = (name: string) => fields[names.indexOf(name)] ?? "";
    assert.equal(fields.length, names.length, row);
    assert.ok(Number(of("duration_ns")) > 0, "the interval took some time");
    counts.set(of("name"), (counts.get(of("name")) ?? 0) + Number(of("count")));
  }
  for (const [name, count] of Object.entries(PROMISED)) assert.equal(counts.get(name), count, name);
  assert.equal(run("kvm-vmexit-time", "--csv", "--no-header", "-d", "0.1").stdout, "");
});

test("tables fit 80 columns", () => {
  for (const tool of ["kvm-vmexit-count", "kvm-vmexit-time", "kvm-vmexit-hist"])
    for (const line of run(tool, "--", GUEST, ...WORKLOAD).stdout.split("\n"))
      assert.ok(line.length <= 80, line);
});

test("while its output isn't read, a second signal ends a tool at once", () => {
  const shell = `mkfifo /tmp/unread; sleep 60 </tmp/unread & reader=$!
    node dist/bin/kvm-vmexit-slower.js 0 >/tmp/unread 2>/tmp/said & tool=$!
    until grep -q Tracing /tmp/said; do sleep 0.2; done
    ${GUEST} --cpuid 20000; sleep 1
    kill -INT $tool; sleep 1; kill -0 $tool && kill -INT $tool; wait $tool; echo $?; kill $reader`;
  // 128 + SIGINT: what waits in the pipe and for it is given up.
  assert.equal(spawnSync("bash", ["-c", shell], { encoding: "utf8", timeout: 120_000 }).stdout, "130\n");
});

test("lists given twice add up; a second --vm is refused", () => {
  const lines = jsonLines(
    run(
      "kvm-vmexit-count",
      "--json",
      ..."--reasons CPUID, --reasons MSR --vcpu 0 --vcpu 2 --".split(" "),
      GUEST,
      ...WORKLOAD,
      "--vcpus",
      "3",
    ),
  );
  const sum = (name: string) => sumOfReason(lines, name, (exits) => exits.count.total);
  assert.deepEqual([sum("CPUID"), sum("MSR"), sum("HLT")], [46, 168, 0]);
});

test("a command that won't end is not waited for", async () => {
  const tool = new Running(
    "kvm-vmexit-time",
    "--",
    "sh",
    "-c",
    "exec >/dev/null 2>&1; trap '' TERM INT; sleep 30",
  );
  await tool.seen(/Tracing/);
  assert.equal((await tool.end("SIGINT")).status, 0);
});

for (const [tool, parameters, expected] of [
  ["kvm-vmexit-slower", ["-1"], /the threshold takes milliseconds from 0 to 1000000000, not "-1"/],
  ["kvm-vmexit-slower", ["ten"], /the threshold takes milliseconds from 0 to 1000000000, not "ten"/],
  ["kvm-vmexit-slower", ["1", "2"], /unexpected argument "2" after MS/],
  ["kvm-vmexit-slower", ["--wide", "--attach", "direct"], /--wide needs --attach record/],
  ["kvm-vmexit-slower", ["--wide", "--attach", "raw"], /--wide needs --attach record/],
  ["kvm-vmexit-hist", ["-n", "3"], /--count is a number of intervals; give --interval/],
  ["kvm-vmexit-hist", ["HLT", "--reasons", "MSR"], /not both/],
  ["kvm-vmexit-time", ["--idle", "never"], /--idle/],
  ["kvm-vmexit-time", ["--unit", "h"], /--unit/],
  ["kvm-vmexit-time", ["0"], /the interval takes seconds/],
  ["kvm-vmexit-time", ["1", "0"], /the count takes a whole number/],
  ["kvm-vmexit-count", ["--vcpu", "3-1"], /--vcpu/],
  ["kvm-vmexit-count", ["--json", "--csv"], /--csv|--json/],
  ["kvm-vmexit-count", ["--max-vcpus", "0"], /--max-vcpus takes a whole number from 1 to 131072, not "0"/],
  ["kvm-vmexit-count", ["--pid", "abc"], /--pid takes a whole number/],
  ["kvm-vmexit-count", ["--vm", "a", "--vm", "b"], /--vm is given twice/],
  ["kvm-vmexit-count", ["--vm", ""], /--vm takes a VM's name, uuid or pid, or a pattern/],
  [
    "kvm-vmexit-slower",
    ["--reasons", "HLT", "--excludes", "120"],
    /leaves out every reason that is asked for/,
  ],
  ["kvm-vmexit-count", ["--"], /there is no command after --/],
] as const)
  test(`${tool} ${parameters.join(" ")}: one clear line and status 2`, () => {
    const result = run(tool, ...parameters);
    assert.equal(result.status, 2);
    assert.equal(result.stdout, "");
    assert.match(result.stderr, expected);
    assert.equal(result.stderr.trimEnd().split("\n").length, 1, result.stderr);
  });

test("report shows of what was saved the tables that are shown live: counts, times, histograms, details, groups, split and exits to the VMM", () => {
  const session = openSession({ timing: true, histograms: true, details: true });
  const splitter = openSplit();
  const opened = splitter.read();
  spawnSync(GUEST, [...WORKLOAD, "--vcpus", "2"]);
  session.stop();
  splitter.stop();
  const [reading, split] = [session.read(), splitDiff(opened, splitter.read())];
  session.close();
  splitter.close();
  const about = { tool: "kvm-vmexit-time", version: "0.1.0", host: undefined, options: { by: "vcpu" } };
  const time = { ...reading, final: true };
  const folder = mkdtempSync(join(tmpdir(), "report-"));
  const saved = (name: string, line: string): string => {
    writeFileSync(join(folder, name), line);
    return join(folder, name);
  };
  const exits = saved(
    "exits",
    jsonLine(about, time, groupSamples(reading, "vcpu"), reading.lost, "wide", reading.exits.size),
  );
  const shown = (...parameters: string[]): string[] => {
    const result = run("kvm-vmexit-report", ...parameters);
    assert.equal(result.stderr, "");
    const lines = result.stdout.trimEnd().split("\n");
    assert.match(lines.pop() ?? "", /^Measured for /);
    return lines;
  };
  /** What a live tool prints of the groups. */
  const live = (
    by: By,
    lines: (samples: Samples) => string[],
    wanted: (sample: Sample) => boolean = () => true,
  ) =>
    groupSamples(reading, by).flatMap(([identity, samples]) => [
      ...[titleOf(identity)].filter((title) => title !== ""),
      ...lines(new Map([...samples].filter(([, sample]) => wanted(sample)))),
    ]);
  const times =
    (form: Partial<Form> = {}) =>
    (samples: Samples) =>
      timeTable(samples, { ...PLAIN, ...form });
  const page = {
    heading: true,
    durationNs: reading.durationNs,
    nested: false,
    columns: undefined,
    rows: undefined,
  };
  const isMsr = ({ isa, reason }: Sample) => reasonName(isa, reason)?.startsWith("MSR") === true;
  try {
    const wide = shown("--wide", exits);
    assert.deepEqual(wide, live("reason", times({ wide: true })));
    assert.match(wide.join("\n"), new RegExp(`CPUID +${2 * (PROMISED["CPUID"] ?? 0)} `));
    assert.deepEqual(
      shown("--rate", "--unit", "us", "--by", "vcpu", exits),
      live("vcpu", times({ rateNs: reading.durationNs, unit: "us" })),
    );
    assert.deepEqual(
      shown("--wide", "--top", "2", "--by", "vm", exits),
      live("vm", times({ wide: true, top: 2, sort: "time" })),
    );
    assert.deepEqual(
      shown("--table", "count", exits),
      live("reason", (samples) => countTable(samples, PLAIN)),
    );
    assert.deepEqual(
      shown("--table", "hist", "--by", "vm", exits),
      live("vm", (samples) => histogramsByReason(samples, page, { unit: "ns", trim: false })),
    );
    const msrs = groupSamples(reading, "reason").flatMap(([, samples]) =>
      [...samples.values()].filter(isMsr),
    );
    const names = msrs.map(({ isa, reason }) => reasonName(isa, reason));
    assert.deepEqual(
      shown("--wide", "--reasons", names.join(), exits),
      live("reason", times({ wide: true }), isMsr),
    );
    const clocks = splitGroup(split, "vcpu");
    const table = {
      durationNs: split.durationNs,
      wide: true,
      unit: "ns",
      heading: true,
      room: undefined,
    } as const;
    assert.deepEqual(
      shown("--wide", saved("split", splitJsonLine(about, { ...split, final: true }, clocks))),
      splitTable(clocks, { ...table, sort: "name", top: undefined }),
    );
    const vmm = run(
      "kvm-vmexit",
      "vmm",
      "--details",
      "--wide",
      "--by",
      "vcpu",
      "--json",
      "--",
      GUEST,
      ...WORKLOAD,
    );
    const line = readLine(vmm.stdout.trim());
    assert.ok(line);
    assert.deepEqual(
      shown(saved("vmm", vmm.stdout)),
      groupSamples(line.reading, "reason").flatMap(([, samples]) => times({ levels: false })(samples)),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("--advise names the fault of a guest after its tables; split ends with 4 if its limit isn't kept", () => {
  const timer = run(
    "kvm-vmexit-time",
    "--details",
    "--advise",
    "--",
    GUEST,
    "--out",
    "3000",
    "--port",
    "1544",
  );
  assert.equal(timer.status, 0, timer.stderr);
  assert.match(timer.stdout, /\n\nAdvice: Guests use the ACPI PM timer\n {2}found {2}3,000 accesses /);
  const few = run("kvm-vmexit-count", "--details", "--advise", "--", GUEST, "--cpuid", "3000");
  assert.match(few.stdout, /\n\nAdvice: nothing found by \d+ rules/);
  const limit = ["--fail-if", "share(guest) > 0%", "--fail-if", "lost > 0", "--advise"];
  const split = run("kvm-vmexit", "split", ...limit, "--json", "--", GUEST, "--cpuid", "3000");
  assert.equal(split.status, 4, split.stderr);
  assert.match(split.stderr, /^Advice: .*$[^]*^Failed: share\(guest\) > 0%: it is \d/m);
  assert.equal(readLine(split.stdout)?.split?.length, 1);
});
