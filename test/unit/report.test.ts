// SPDX-License-Identifier: MIT
// kvm-vmexit report: saved readings added up, chosen from, compared and judged.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { gzipSync } from "node:zlib";
import Ajv from "ajv";
import * as fc from "fast-check";
import { ISA } from "../../src/contract";
import { groupSamples } from "../../src/measure/grouping";
import { NOTHING_LOST } from "../../src/measure/lost";
import { type Groups, type Samples, detailAt, sampleAt, sampleKey } from "../../src/measure/samples";
import { mannWhitney, median } from "../../src/report/ranks";
import { parseCondition } from "../../src/report/condition";
import { Timeline } from "../../src/report/timeline";
import { parseWhen } from "../../src/report/when";
import { countTable } from "../../src/render/count";
import { PLAIN } from "../../src/render/form";
import { jsonLine } from "../../src/render/json";
import { timeTable } from "../../src/render/time";
import { EVENT } from "../../src/trace/events";
import { type Result, run } from "../tools";
import { ABOUT, CPUID, HLT, MSR, type Row, SECONDS, START, SVM, exitsOf, line, splitLine } from "./saved";
import { record } from "./trace";

const FOLDER = mkdtempSync(join(tmpdir(), "report-"));

const schema = readFileSync(createRequire(__filename).resolve("kvm-vmexit/comparison.schema.json"), "utf8");
const valid = new Ajv({ allowUnionTypes: true }).compile(JSON.parse(schema) as object);

after(() => {
  rmSync(FOLDER, { recursive: true });
});

function fileOf(name: string, content: string | Buffer): string {
  const path = join(FOLDER, name);
  writeFileSync(path, content);
  return path;
}

const report = (...parameters: string[]): Result => run("kvm-vmexit-report", ...parameters);

function shown(...parameters: string[]): string {
  const { status, stdout, stderr } = report(...parameters);
  assert.equal(status, 0, stderr);
  return stdout;
}

const SAVED = SECONDS.map((rows, second) => line(second, rows)).join("\n");
const MEASURED = "Measured for 3.00 s\n";

test("tables are those of all intervals together, percentiles exactly, from text, gzip and standard input", () => {
  const all = groupSamples(exitsOf(SECONDS.flat()), "reason")[0]?.[1];
  assert.ok(all);
  const wide = `${timeTable(all, { ...PLAIN, wide: true }).join("\n")}\n${MEASURED}`;
  assert.equal(shown("--wide", fileOf("saved", SAVED)), wide);
  assert.equal(shown("--wide", fileOf("saved.gz", gzipSync(SAVED))), wide);
  assert.equal(
    shown("--table", "count", fileOf("saved", SAVED)),
    `${countTable(all, PLAIN).join("\n")}\n${MEASURED}`,
  );
  const halves = [
    fileOf(
      "one",
      SECONDS.slice(0, 2)
        .map((rows, i) => line(i, rows))
        .join("\n"),
    ),
    fileOf("two", line(2, SECONDS[2] ?? [])),
  ];
  assert.equal(shown("--wide", "--sum", ...halves), wide);
  const again = fileOf("again", shown("--wide", "--json", "--by", "vcpu", fileOf("saved", SAVED)));
  assert.equal(shown("--wide", again), wide);
});

test("filters, groups and times choose among what was saved", () => {
  const path = fileOf("saved", SAVED);
  const rows = (text: string) =>
    Array.from(text.matchAll(/^ *(?:\d+ )?([A-Z]+) +(\d+)/gm), (row) => row.slice(1).join(" "));
  assert.deepEqual(rows(shown("--vm", "web8", path)), ["MSR 3"]);
  assert.deepEqual(rows(shown("-p", "7", "--vcpu", "0", path)), ["CPUID 3", "HLT 1"]);
  assert.deepEqual(rows(shown("--reasons", "msr,hlt", path)), ["HLT 1", "MSR 3"]);
  assert.deepEqual(rows(shown("--idle", "hide", "--top", "1", path)), ["CPUID 4"]);
  assert.deepEqual(rows(shown("--since", "1s", path)), ["CPUID 1", "MSR 3"]);
  assert.deepEqual(rows(shown("--since", "2026-11-29 09:00:01Z", "--until", "2s", path)), [
    "CPUID 1",
    "MSR 2",
  ]);
  assert.match(
    shown("--by", "vcpu", path),
    /VM web7 \(7\), vCPU 0\n[^]*VM web7 \(7\), vCPU 1\n[^]*VM web8 \(8\), vCPU 0\n/,
  );
});

const NEITHER = /^kvm-vmexit-report: \S+ is neither lines of --json nor a recording; [^\n]*\n$/;

test("what a file doesn't tell is said, with status 2", () => {
  const merged = fileOf("merged", line(0, SECONDS[0] ?? [], { by: "reason" }));
  const counts = fileOf("counts", line(0, SECONDS[0] ?? [], { columns: "count" }));
  for (const [parameters, why] of [
    [["--vm", "web7", merged], /doesn't tell VMs apart/],
    [["--by", "vm", merged], /doesn't tell VMs apart/],
    [["--table", "time", counts], /have no times/],
    [["--fail-if", "max(MSR) > 1us", counts], /needs times/],
    [["--since", "1h", merged], /no interval of that time/],
    [["--reasons", "NOPE", merged], /"NOPE" is not an exit reason/],
    [[fileOf("empty", "")], /^kvm-vmexit-report: \S+empty" is empty; [^\n]*\n$/],
    [[fileOf("blank", " \n\n")], /blank" is empty; /],
    [[fileOf("zeros", Buffer.alloc(5000))], NEITHER],
    [[fileOf("zeros.gz", gzipSync(Buffer.alloc(5000)))], NEITHER],
    [[fileOf("readme", "# What this is\n\nA list of things.\n")], NEITHER],
    [[fileOf("picture", Buffer.from("89504e470d0a1a0a0000000d4948445200000010", "hex"))], NEITHER],
    [[fileOf("list", "[{}]\n")], NEITHER],
    [[FOLDER], /cannot read \S+: EISDIR[^\n]*\n$/],
    [[merged, "--"], /there is no file after --; /],
    [[merged, "--", merged, "--", merged], /there are two --; /],
    [[fileOf("other", '{"schema":"kvm-vmexit/1"}\n')], /line 1: no line of kvm-vmexit\/2/],
    [
      [fileOf("broken.gz", Buffer.concat([gzipSync(SAVED).subarray(0, 40), Buffer.alloc(99, 255)]))],
      /can't be unpacked/,
    ],
    [
      [fileOf("slow", '{"schema":"kvm-vmexit/2","tool":"x","slow":{}}\n')],
      /there is no interval; name a file/,
    ],
    [["/nonexistent"], /cannot read/],
  ] as const) {
    const { status, stderr } = report(...parameters);
    assert.equal(status, 2, stderr);
    assert.match(stderr, why);
  }
  const cut = report(fileOf("cut", `${SAVED}\n${SAVED.slice(0, 30)}`));
  assert.equal(cut.status, 0);
  assert.match(cut.stderr, /the last line is cut off after 30 characters; left out/);
  const many = Array.from({ length: 3000 }, (_, second) => line(second, [[7, 0, MSR, [700 + second]]])).join(
    "\n",
  );
  const packed = report("--csv", fileOf("cut.gz", gzipSync(many).subarray(0, -2000)));
  assert.equal(packed.status, 2);
  assert.match(packed.stderr, /cut\.gz" is cut off: /);
  assert.match(packed.stdout, /,svm,124,MSR,1,\d{3,4},/);
});

test("files are read in the order of their times; what would be counted twice is refused or said", () => {
  const [one = "", two = "", three = ""] = SECONDS.map((rows, second) => line(second, rows));
  const [first, last] = [fileOf("first", `${one}\n${two}`), fileOf("last", three)];
  const page = join(FOLDER, "order.html");
  const inOrder = report("--sum", "--wide", "--html", page, "--until", "1s", last, first);
  assert.deepEqual([inOrder.status, inOrder.stderr], [0, ""]);
  assert.match(inOrder.stdout, /CPUID +3 /);
  assert.doesNotMatch(inOrder.stdout, /MSR/);
  for (const [parameters, why] of [
    [["--sum", first, first], /first" is named twice; /],
    [["--sum", first, fileOf("copy", one)], /copy" and \S+first" overlap in time, at 2026-/],
    [["--sum", first, fileOf("copy", `${two}\n${three}`)], /copy" and \S+first" overlap in time, at 2026-/],
    [[first, "--", first, fileOf("copy", `${one}\n${two}`)], /copy" has the intervals of \S+first"; /],
  ] as const) {
    const { status, stderr } = report(...parameters);
    assert.equal(status, 2, stderr);
    assert.match(stderr, why);
  }
  const twice = report(fileOf("twice", [one, two, one].join("\n")));
  assert.equal(twice.status, 0);
  assert.match(
    twice.stderr,
    /twice": 1 of the intervals overlap others, by 1\.00 s in all: [^]*twice": intervals aren't in the order of time; /,
  );
  const swapped = fileOf("swapped", [three, one, two].join("\n"));
  shown("--html", page, swapped);
  const { charts } = JSON.parse(
    /id="data">([^]*?)<\/script>/.exec(readFileSync(page, "utf8"))?.[1] ?? "",
  ) as { charts: { rates: { names: string[]; words: string[][] } } };
  assert.deepEqual(
    charts.rates.words.map((words) =>
      words
        .map((word, at) => `${word} ${charts.rates.names[at] ?? ""}`)
        .filter((text) => !text.startsWith("0 "))
        .join(),
    ),
    ["3.00 CPUID,1.00 HLT", "1.00 CPUID,2.00 MSR", "1.00 MSR"],
  );
  assert.match(report("--sum", swapped, fileOf("copy", two)).stderr, /overlap in time/);
});

test("what rates are to be per is in every run, or that is said", () => {
  const [with_, without] = [
    fileOf("with", line(0, SECONDS[0] ?? [])),
    fileOf("without", line(9, SECONDS[2] ?? [])),
  ];
  const none = fileOf("none", line(20, []));
  const still = fileOf(
    "still",
    line(0, SECONDS[0] ?? []).replace('"durationNs":1000000000', '"durationNs":0'),
  );
  for (const [parameters, why] of [
    [["--per", "CPUID", with_, without], /without" has no "CPUID" among the exits that are looked at; /],
    [["--per", "CPUID", without, with_], /without" has no "CPUID"/],
    [["--per", "CPUID", "--reasons", "HLT", with_, with_], /with" has no "CPUID"/],
    [["--per", "exit", with_, none], /none" has no exit, /],
    [["--per", "vcpu", none, with_], /none" has no vCPU with an exit; /],
    [["--per", "second", with_, still], /still" covers no time, /],
    [["--per", "vcpu", with_, still], /still" has no vCPU/],
    [
      ["--per", "NOPE", with_, with_],
      /--per takes second, vcpu, exit or a reason such as VMCALL, not "NOPE"/,
    ],
    [["--per", "exit", fileOf("split", SPLIT), fileOf("split", SPLIT)], /--per is about exits, /],
  ] as const) {
    const { status, stdout, stderr } = report(...parameters);
    assert.deepEqual([status, stdout], [2, ""], stderr);
    assert.match(stderr, why);
  }
  for (const word of ["cpuid", "114", "0x72"])
    assert.match(
      shown("--per", word, with_, with_),
      /^Exit reason +\/CPUID [^]*^114 CPUID +1\.00 +1\.00 /m,
      "the heading has the reason's name, however it was called",
    );
  const idle = report(with_, none);
  assert.match(idle.stderr, /^Rates are per second: /);
  assert.match(idle.stdout, /^114 CPUID +3\.00 +0 +gone/m);
});

test("a comparison has what exits were about, idle exits last, and one unit a column", () => {
  const about = (second: number, ns: number) => {
    const made = exitsOf([
      [7, 0, MSR, [ns, 900]],
      [7, 0, HLT, [170_000_000]],
    ]);
    const sample = made.exits.get("7:1:0")?.get(sampleKey(SVM, MSR));
    assert.ok(sample);
    for (const [raw, time] of [
      [0x10n, 900],
      [(1n << 32n) | 0x6e0n, ns],
    ] as const)
      Object.assign(detailAt(sample, String(raw), raw).l1, {
        count: 1,
        timed: 1,
        totalNs: time,
        maxNs: time,
      });
    const start = new Date(START + second * 1000);
    const time = { start, end: new Date(START + (second + 1) * 1000), durationNs: 1e9, final: true };
    return jsonLine(ABOUT, time, groupSamples(made, "vcpu"), NOTHING_LOST, "wide", 1);
  };
  const files = [fileOf("before", about(0, 1000)), fileOf("after", about(1, 3000))];
  assert.deepEqual(
    shown(...files)
      .split("\n")
      .slice(0, 7),
    [
      "Exit reason                            /s/vCPU    after   change  Cost us    after   change   Avg us    after",
      "124 MSR                                   2.00     2.00    +0.0%      1.9      3.9  +105.3%      0.9      1.9",
      "  write IA32_TSC_DEADLINE (0x6e0)         1.00     1.00    +0.0%      1.0      3.0  +200.0%      1.0      3.0",
      "  read IA32_TIME_STAMP_COUNTER (0x10)     1.00     1.00    +0.0%      0.9      0.9    +0.0%      0.9      0.9",
      "120 HLT                                   1.00     1.00    +0.0% 170000.0 170000.0    +0.0% 170000.0 170000.0",
      "Not idle                                  2.00     2.00    +0.0%      1.9      3.9  +105.3%      0.9      1.9",
      "Total                                     3.00     3.00    +0.0% 170001.9 170003.9    +0.0%  56667.3  56668.0",
    ],
  );
  // A unit that is asked for has all the room that it needs.
  assert.match(
    shown("--unit", "ns", ...files),
    /^120 HLT .* 170000000 170000000 +\+0\.0% 170000000 170000000$/m,
  );
  const json = JSON.parse(shown("--json", ...files)) as { changes: { details: { text: string }[] }[] };
  assert.ok(valid(json), JSON.stringify(valid.errors));
  assert.deepEqual(
    json.changes.map(({ details }) => details.map(({ text }) => text.slice(0, 5))),
    [["write", "read "], []],
  );
  assert.match(shown("--csv", ...files), /\nsvm,124,MSR,write IA32_TSC_DEADLINE \(0x6e0\),1,1,1000,/);
  // What one side doesn't tell isn't compared.
  assert.doesNotMatch(shown(files[0] ?? "", fileOf("plain", line(3, [[7, 0, MSR, [7]]]))), /write/);
});

test("a recording gives the table that kvm-trace report gives", () => {
  const event = (id: number, time: number, words: readonly number[]) =>
    record({ event: id, pid: 7, vcpu: 0, time: BigInt(time), words });
  const records = [
    record({
      event: EVENT.recording,
      pid: 1,
      vcpu: 0,
      time: undefined,
      words: [1, 1000, START % 2 ** 32, Math.floor(START / 2 ** 32)],
    }),
    ...[0, 1, 2, 3].flatMap((second) => [
      event(EVENT.exit, 1000 + second * 1e9, [CPUID, 0, 1, SVM, 70]),
      event(EVENT.entry, 3000 + second * 1e9 + second, [70]),
    ]),
    record({ event: EVENT.end, pid: 1, vcpu: 0, time: undefined, words: [0, 0] }),
  ];
  const path = fileOf("recording", Buffer.concat(records));
  const table = run("kvm-trace", "report", "--table", "time", "--wide", path);
  assert.equal(shown("--wide", path), table.stdout);
  assert.match(shown("--since", "2s", path), /CPUID +2 /);
});

test("a comparison is per second of a vCPU, the largest change of cost first; what differs is said before", () => {
  const slower = SECONDS.map((rows) =>
    rows.map(([pid, vcpu, reason, times]): Row => [
      pid,
      vcpu,
      reason,
      reason === MSR ? times.map((ns) => 3 * ns) : times,
    ]),
  );
  const host = ABOUT.host && { ...ABOUT.host, kernel: "6.12.0" };
  const before = fileOf("before", SAVED);
  const later = fileOf(
    "after",
    slower.map((rows, second) => line(second, rows, { about: { ...ABOUT, host } })).join("\n"),
  );
  const text = shown("--unit", "ns", before, later);
  assert.match(text, /^Differs: kernel: 6\.1\.0 before, 6\.12\.0 after\nExit reason/);
  // 1 + 2 + 1 vCPU seconds, 3 exits of MSR of 32,400 ns in all.
  assert.match(
    text,
    /^124 MSR +0\.750 +0\.750 +\+0\.0% +8100 +24300 +\+200\.0% +10800 +32400\n114 CPUID +1\.00 +1\.00 +\+0\.0% /m,
  );
  const json = JSON.parse(shown("--json", "--per", "second", before, later)) as {
    changes: { name: string; before: { rate: number }; p: null }[];
  };
  assert.deepEqual(
    json.changes.map(({ name, p }) => [name, p]),
    [
      ["MSR", null],
      ["CPUID", null],
      ["HLT", null],
    ],
  );
  assert.equal(json.changes[0]?.before.rate, 1);
  assert.ok(valid(json), JSON.stringify(valid.errors));
  assert.match(
    shown("--csv", before, later),
    /^isa,reason,name,detail,before_count,.*\nsvm,124,MSR,,3,0.75,/,
  );
});

test("four runs a side tell what is chance and what isn't", () => {
  const files = (name: string, costs: readonly number[]) =>
    costs.map((ns, i) =>
      fileOf(
        `${name}${i}`,
        line(i, [
          [7, 0, MSR, [ns]],
          [7, 0, CPUID, [i === 0 ? 900 : 1000 + i]],
        ]),
      ),
    );
  const text = shown(...files("a", [1000, 1010, 1020, 1030]), "--", ...files("b", [2000, 2010, 2020, 2030]));
  assert.match(text, /^124 MSR .*\+98\.5%/m);
  assert.match(text, /^114 CPUID +1\.00 +1\.00 +~ /m);
  assert.doesNotMatch(text, /fewer than 4/);
});

test("the exact test has the p values of its tables, also with ties", () => {
  assert.equal(mannWhitney([1, 2, 3, 4], [5, 6, 7, 8]), 2 / 70);
  assert.equal(mannWhitney([1, 2, 3], [4, 5, 6]), 2 / 20);
  assert.equal(mannWhitney([1, 3, 5, 7], [2, 4, 6, 8]), 48 / 70);
  assert.equal(mannWhitney([5, 5, 5, 5], [5, 5, 5, 5]), 1);
  // By scipy.stats.mannwhitneyu(a, b, method="exact").
  const pOf = (a: readonly number[], b: readonly number[]) => Number(mannWhitney(a, b).toPrecision(10));
  assert.equal(pOf([1, 3, 4, 6, 9], [5, 7, 8, 10, 11, 12, 13]), 0.0303030303);
  assert.equal(pOf([1, 2, 3, 5, 8, 13, 21, 34], [4, 6, 7, 9, 10, 11, 12, 14, 15, 16]), 0.4597559303);
  const odd = Array.from({ length: 32 }, (_, at) => 2 * at + 3);
  assert.equal(
    pOf(
      odd,
      odd.map((value) => value + 37),
    ),
    5.101747386e-10,
  );
  const values = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 2, maxLength: 6 });
  /** By all ways to choose n of the ranks. */
  const bruteForce = (a: readonly number[], b: readonly number[]) => {
    const all = [...a, ...b];
    const rank = (value: number) =>
      all.filter((each) => each < value).length + (all.filter((each) => each === value).length + 1) / 2;
    const ranks = all.map(rank);
    const far = (chosen: number) => {
      const sum = ranks.reduce((some, each, at) => some + ((chosen >> at) & 1) * each, 0);
      return Math.abs(sum - (a.length * (all.length + 1)) / 2);
    };
    const ways = Array.from({ length: 2 ** all.length }, (_, chosen) => chosen).filter(
      (chosen) => all.filter((_, at) => (chosen >> at) & 1).length === a.length,
    );
    return ways.filter((chosen) => far(chosen) >= far(2 ** a.length - 1)).length / ways.length;
  };
  const few = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(few, few, (a, b) => {
      assert.ok(Math.abs(mannWhitney(a, b) - bruteForce(a, b)) < 1e-12);
    }),
    { numRuns: 40 },
  );
  fc.assert(
    fc.property(values, values, (a, b) => {
      const p = mannWhitney(a, b);
      assert.ok(p > 0 && p <= 1);
      assert.ok(Math.abs(p - mannWhitney(b, a)) < 1e-12);
    }),
  );
  assert.deepEqual([median([3, 1, 2]), median([4, 1])], [2, 2.5]);
});

test("conditions are read, and errors point at their place", () => {
  assert.deepEqual(parseCondition("max(MSR) > 20us"), {
    text: "max(MSR) > 20us",
    measure: "max",
    reason: "MSR",
    split: undefined,
    operator: ">",
    value: 20_000,
    relative: false,
  });
  assert.equal(parseCondition("p99>=+5%").relative, true);
  assert.equal(parseCondition(" max\n>\t1us\n").text, "max > 1us", "what is said of it is one line");
  assert.equal(parseCondition("rate(EPT_VIOLATION) < -10%").value, -10);
  for (const reason of ["0x20", "exception_nmi FAILED_VMENTRY", "OTHERS", "WFx", "IO"])
    assert.equal(parseCondition(`count(${reason}) > 1`).reason, reason.toUpperCase());
  for (const [text, why] of [
    ["", /one of count, .* is missing: <HERE>/],
    ["mux > 3", /"mux" is none of .*: mux<HERE> > 3/],
    ["max(MSR > 3us", /: max\(MSR <HERE>> 3us/],
    ["max(MSR) 20us", /one of >, .*: max\(MSR\) <HERE>20us/],
    ["max(MSR) > 20", /max needs a number and ns/],
    ["rate > 5us", /rate needs a number and \/s/],
    ["p99 > 5us and", /nothing may follow: p99 > 5us <HERE>and;/],
    ["max > 20\u00b5s", /max needs a number and ns, us, ms or s: max > 20<HERE>\u00b5s;/],
    ["count > 1e3", /count needs a number without a unit: count > 1<HERE>e3;/],
    ["p99 > +5us", /after \+ or - there is a change in %: p99 > \+5us<HERE>;/],
    ["p99 > +5", /after \+ or - there is a change in %/],
  ] as const)
    assert.throws(() => parseCondition(text), why);
});

test("--fail-if ends with status 4, a line for each that failed, and JUnit's XML", () => {
  const path = fileOf("saved", SAVED);
  const xml = join(FOLDER, "junit.xml");
  const { status, stderr } = report(
    "--fail-if",
    "max(MSR) > 20us",
    "--fail-if",
    "count(CPUID) > 4",
    "--fail-if",
    "rate < 3/s",
    "--junit",
    xml,
    path,
  );
  assert.equal(status, 4);
  assert.equal(stderr, "Failed: max(MSR) > 20us: it is 31.0 us\nFailed: rate < 3/s: it is 2.333/s\n");
  assert.match(
    readFileSync(xml, "utf8"),
    /tests="3" failures="2">\n {2}<testcase .*name="max\(MSR\) &gt; 20us">\n/,
  );
  const later = fileOf(
    "later",
    line(0, [
      [7, 0, CPUID, [3000]],
      [8, 0, MSR, [700]],
    ]),
  );
  const change = report("--fail-if", "avg(CPUID) < -50%", path, later);
  assert.equal(change.status, 4);
  assert.match(change.stderr, /^Failed: avg\(CPUID\) < -50%: it was 23\.3 us and is 3\.0 us, -87\.1%$/m);
  assert.equal(report("--fail-if", "p99 > +5%", path).status, 2);
  assert.equal(report("--fail-if", "lost > 0", path).status, 0);
});

test("times are of the day, of the calendar, or after the beginning", () => {
  assert.equal(parseWhen("--since", "90s")(START), START + 90e3);
  assert.equal(parseWhen("--since", "2026-11-29 10:00+01:00")(0), START);
  const zone = process.env["TZ"];
  process.env["TZ"] = "IST-5:30";
  try {
    assert.equal(parseWhen("--since", "14:31")(START), START + 60e3);
    assert.equal(parseWhen("--since", "14:29:59")(START), START + 86400e3 - 1e3);
    assert.equal(parseWhen("--since", "2026-11-29T14:30")(0), START);
  } finally {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  }
  for (const wrong of ["", "25:00", "10", "2026-13-01 10:00", "2026-02-30 10:00", "2026-11-31T10:00Z", "10x"])
    assert.throws(() => parseWhen("--since", wrong), /--since takes/);
});

test("a timeline has a bounded number of columns, of which none loses an exit", () => {
  const timeline = new Timeline(8);
  const samples = exitsOf([[7, 0, MSR, [700]]]).exits.get("7:1:0");
  const sample = samples?.get(sampleKey(SVM, MSR));
  assert.ok(sample);
  for (let second = 0; second < 1001; second++) {
    const start = new Date(START + second * 1000);
    timeline.begin(start, new Date(START + second * 1000 + 1000), 1e9, 1);
    timeline.add(5, sample, false);
    assert.ok(timeline.moments.length <= 8);
  }
  const sum = (of: (moment: (typeof timeline.moments)[number]) => number) =>
    timeline.moments.reduce((all, moment) => all + of(moment), 0);
  assert.equal(
    sum(({ parts }) => parts.get(5)?.count ?? 0),
    1001,
  );
  assert.equal(
    sum(({ durationNs }) => durationNs),
    1001e9,
  );
  assert.equal(
    sum(({ lost }) => lost),
    1001,
  );
  assert.equal(
    sum(({ buckets }) => buckets.reduce((all, count) => all + count, 0)),
    1001,
  );
  assert.equal(timeline.intervalsEach, 128);
});

test("--html writes one page, in which names from outside are text and whose policy lets nothing load", () => {
  const evil = `</script><img src=x onerror=alert(1)>"'\u202e`;
  const lines = SECONDS.map((rows, second) =>
    line(second, rows).replaceAll("web7", JSON.stringify(evil).slice(1, -1)),
  );
  const path = join(FOLDER, "page.html");
  shown("--html", path, fileOf("named", lines.join("\n")));
  const html = readFileSync(path, "utf8");
  assert.ok(!html.includes("<img"));
  assert.ok(html.includes("VM &lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&#39;\\u202e (7)"));
  const [, policy = ""] = /Content-Security-Policy" content="([^"]*)"/.exec(html) ?? [];
  assert.match(policy, /^default-src 'none'; /);
  for (const [, element = "", text = ""] of html.matchAll(/<(style|script)>([^]*?)<\/\1>/g)) {
    const hash = createHash("sha256").update(text).digest("base64");
    assert.ok(policy.includes(`${element}-src 'sha256-${hash}'`), element);
  }
  assert.equal([...html.matchAll(/<script/g)].length, 2);
  assert.doesNotMatch(html, /https?:|url\(|\bstyle=|@import/);
  assert.equal(
    [...html.matchAll(/<svg class="chart" id="\w+" viewBox="[^"]*" role="img" tabindex="0" aria-label="/g)]
      .length,
    3,
  );
  const data = JSON.parse(/id="data">([^]*?)<\/script>/.exec(html)?.[1] ?? "") as {
    charts: { rates: { times: unknown[]; names: string[]; words: string[][] } };
  };
  assert.equal(data.charts.rates.times.length, 3);
  assert.deepEqual(
    data.charts.rates.names.map((name, at) => [name, data.charts.rates.words[0]?.[at]]).sort(),
    [
      ["CPUID", "3.00"],
      ["HLT", "1.00"],
      ["MSR", "0"],
    ],
  );
  shown("--html", path, "--reasons", "MSR", "--idle", "hide", fileOf("saved", SAVED));
  assert.match(readFileSync(path, "utf8"), /<dt>Filters<\/dt><dd>--reasons MSR --idle hide<\/dd>/);
  shown("--html", path, fileOf("named", lines.join("\n")), fileOf("saved", SAVED));
  assert.doesNotMatch(readFileSync(path, "utf8"), /<dt>Filters/);
  assert.match(readFileSync(path, "utf8"), /<h1>VM exits: before and after<\/h1>[^]*<h2 id="changes">/);
});

const SPLIT = [
  splitLine(0, [
    [7, 0, 600, 100, 200, 100],
    [8, 0, 100, 0, 900, 0],
  ]),
  splitLine(1, [[7, 0, 400, 100, 200, 300]]),
].join("\n");

test("the split of time has its table, where time went first, and its conditions", () => {
  const path = fileOf("split", SPLIT);
  const text = shown(path);
  assert.match(
    text,
    /^VM +vCPU +guest .*\nweb7 +0 +50\.0% +0\.0% +10\.0% +0\.0% +20\.0% +20\.0% +100\nweb8 +0 +10\.0% /,
  );
  const two = fileOf(
    "two",
    splitLine(0, [
      [7, 0, 1, 0, 0, 0],
      [7, 1, 1, 0, 0, 0],
    ]),
  );
  assert.match(shown(two), /^web7 +0 [^]*^web7 +1 /m);
  assert.match(shown("--by", "vm", "--vm", "web8", path), /^VM .*\nweb8 +10\.0% .*\nMeasured for 2\.00 s\n$/);
  const again = fileOf("again", shown("--json", path));
  assert.equal(shown("--wide", again), shown("--wide", path));
  assert.match(shown("--csv", path), /^time,vm,pid,vcpu,.*\n.*,web7,7,0,1,2000000000,/);
  const both = shown("--sum", path, fileOf("saved", SAVED));
  assert.match(both, /^VM +vCPU [^]*\n\n +Exit reason /);
  const outcomes = report(
    ...["share(waiting) > 10%", "max(Waiting) >= 300ms", "rate(wakeups) > 15/s", "time(vmm) < 1ms"].flatMap(
      (condition) => ["--fail-if", condition],
    ),
    path,
  );
  assert.equal(outcomes.status, 4);
  assert.deepEqual(outcomes.stderr.trim().split("\n"), [
    "Failed: share(waiting) > 10%: it is 13.33%",
    "Failed: max(Waiting) >= 300ms: it is 300.0 ms",
  ]);
  for (const [parameters, why] of [
    [["--fail-if", "share(guest) < 5%", fileOf("saved", SAVED)], /needs the split of vCPUs' time/],
    [["--fail-if", "max(HLT) > 5us", path], /needs exits/],
    [["--fail-if", "p99(guest) > 5us", path], /of guest there are time, share/],
    [["--table", "split", fileOf("saved", SAVED)], /have no split/],
    [[path, fileOf("saved", SAVED)], /have nothing in common/],
    [["--table", "time", path], /have no exits/],
    [["--reasons", "HLT", path], /has no reasons/],
    [["--csv", "--sum", path, fileOf("saved", SAVED)], /choose with --table/],
  ] as const) {
    const { status, stderr } = report(...parameters);
    assert.equal(status, 2, stderr);
    assert.match(stderr, why);
  }
});

test("exits to the VMM are a table of their own, and are compared and judged where there are no exits", () => {
  const exits: Groups = new Map<string, Samples>();
  const { l1 } = sampleAt(exits, "7:1:0", sampleKey(ISA.kvm_run, 2), "kvm_run", 2);
  Object.assign(l1, { count: 3, timed: 3, totalNs: 6000, maxNs: 4000 });
  const vcpus = new Map([
    ["7:1:0", { vm: { pid: 7, startNs: 1, name: "web7", source: "process" }, vcpu: 0 } as const],
  ]);
  const start = new Date(START);
  const time = { start, end: new Date(START + 1000), durationNs: 1e9, final: true };
  const about = { ...ABOUT, tool: "kvm-vmexit-vmm" };
  const saved = jsonLine(about, time, groupSamples({ exits, vcpus }, "vcpu"), NOTHING_LOST, "time", 1);
  const path = fileOf("vmm", saved);
  assert.match(shown("--table", "vmm", path), /^ *2 IO +3 \( *2000\)/m);
  const page = join(FOLDER, "vmm.html");
  const both = shown("--sum", "--html", page, path, fileOf("saved", SAVED));
  assert.match(both, /^ *2 IO [^]*\n\n[^]*^ *114 CPUID /m);
  assert.match(readFileSync(page, "utf8"), /<h2 id="vmm">[^]*<td>IO<\/td>/);
  assert.match(shown("--reasons", "IO", "--vm", "web7", path), /^ *2 IO +3 /m);
  assert.match(shown(fileOf("again", shown("--json", path))), /^ *2 IO +3 /m);
  const judged = report("--fail-if", "max(IO) > 3us", path);
  assert.deepEqual([judged.status, judged.stderr], [4, "Failed: max(IO) > 3us: it is 4.0 us\n"]);
  assert.match(shown(path, path), /^2 IO +3\.00 +3\.00 +\+0\.0%/m);
  assert.match(report("--table", "vmm", fileOf("saved", SAVED)).stderr, /have no exits to the VMM/);
});

test("two splits are compared, in text, JSON, CSV and on the page", () => {
  const before = fileOf("before", SPLIT);
  const later = fileOf("later", splitLine(0, [[7, 0, 100, 700, 200, 0]]));
  const page = join(FOLDER, "split.html");
  const text = shown("--html", page, before, later);
  assert.match(text, /^Time of vCPUs +before +after +change\nguest +36\.7% +10\.0% +-26\.7 points\n/);
  assert.match(text, /^vmm +6\.67% +70\.0% +\+63\.3 points$/m);
  assert.match(text, /^longest wait +300\.0 ms +0 ns +gone$/m);
  assert.doesNotMatch(text, /Exit reason/);
  const json = JSON.parse(shown("--json", before, later)) as { split: { name: string; after: number }[] };
  assert.ok(valid(json), JSON.stringify(valid.errors));
  const { split } = json;
  assert.equal(split.find(({ name }) => name === "vmm")?.after, 70);
  assert.match(shown("--csv", before, later), /^name,unit,before,after,p\nguest,%,36\.6/);
  const both = [SPLIT, splitLine(0, [[7, 0, 100, 700, 200, 0]])].map((text, at) =>
    fileOf(`both${at}`, `${text}\n${SAVED}`),
  );
  const csv = report("--csv", ...both);
  assert.match(csv.stdout, /^isa,reason,/);
  assert.match(csv.stderr, /^Not in CSV: the time of vCPUs, beside exits; --json has both$/m);
  const html = readFileSync(page, "utf8");
  assert.match(
    html,
    /What changed in the time of vCPUs[^]*<svg class="chart" id="split-before"[^]*<h2 id="clocks-after">/,
  );
  assert.doesNotMatch(html, /id="rates"/);
});

test("a page of an hour of ten VMs has 250 KB at most", () => {
  const vms = Array.from({ length: 10 }, (_, vm) => vm);
  const reasons = [CPUID, MSR, HLT, 96, 119, 123, 1024];
  const times = Array.from({ length: 24 }, (_, at) => Math.round(100 * 1.7 ** at));
  const lines = Array.from({ length: 3600 }, (_, second) =>
    line(
      second,
      vms.flatMap((vm) =>
        reasons.map((reason, at): Row => [vm + 1, 0, reason, times.slice(at, at + 1 + ((second + vm) % 3))]),
      ),
    ),
  );
  const path = join(FOLDER, "hour.html");
  shown("--html", path, fileOf("hour", lines.join("\n")));
  assert.match(readFileSync(path, "utf8"), /Each column is 32 intervals\./);
  assert.ok(statSync(path).size <= 250_000, String(statSync(path).size));
  // Of two runs both are drawn.
  shown("--html", path, join(FOLDER, "hour"), fileOf("later", lines.slice(0, 1800).join("\n")));
  const both = readFileSync(path, "utf8");
  assert.match(both, /id="heat-before"[^]*id="heat-after"/);
  assert.ok(statSync(path).size <= 250_000, String(statSync(path).size));
});
