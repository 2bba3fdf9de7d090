// SPDX-License-Identifier: MIT
// kvm-stat accepts and refuses the command lines that kvm_stat does, in its words.
import assert from "node:assert/strict";
import test from "node:test";
import { UsageError } from "../../src/errors";
import { Refusal } from "../../src/stat/options";
import { parseStatOptions } from "../../tools/stat/options";
import { run } from "../tools";

const RUNNING = [5, 7, 11];
const PROCESSES = {
  pidsOf: (name: string) => ({ vm1: [11], twin: [5, 7] })[name] ?? [],
  isRunning: (pid: number) => RUNNING.includes(pid),
};
const parse = (...argv: string[]) => parseStatOptions(argv, PROCESSES);
const DEFAULTS = {
  once: false,
  csv: false,
  debugfs: false,
  fields: "",
  debugfsIncludePast: false,
  log: false,
  logToFile: "",
  pid: 0,
  setDelay: 3,
  tracepoints: false,
  skipZeroRecords: false,
  overhead: false,
  utcOffset: false,
  durationNs: false,
};

// Checked against kvm_stat's own parser, CPython 3.11's argparse.
const ACCEPTED: [argv: string[], options: Partial<typeof DEFAULTS>][] = [
  [[], {}],
  [["-1"], { once: true }],
  [["--once"], { once: true }],
  [["--ba"], { once: true }],
  [["-d=1"], { debugfs: true, once: true }],
  [["-cl"], { csv: true, log: true }],
  [
    ["-dtzcls0.5"],
    { debugfs: true, tracepoints: true, skipZeroRecords: true, csv: true, log: true, setDelay: 0.5 },
  ],
  [["--o"], { once: true }],
  [["--on"], { once: true }],
  [["--ov"], { overhead: true }],
  [["--utc-offset", "--t"], { utcOffset: true, tracepoints: true }],
  [["--duration-ns", "-c", "-l"], { durationNs: true, csv: true, log: true }],
  [["-f", "-? b"], { fields: "-? b" }],
  [["--debugfs", "--debugfs-"], { debugfs: true, debugfsIncludePast: true }],
  [["-f", "kvm_exit$"], { fields: "kvm_exit$" }],
  [["-fkvm"], { fields: "kvm" }],
  [["-f=-x"], { fields: "-x" }],
  [["--fields=a=b"], { fields: "a=b" }],
  [["-f", ""], {}],
  [["-L", "a b", "--csv"], { logToFile: "a b", csv: true }],
  [["-zL/tmp/y"], { logToFile: "/tmp/y", skipZeroRecords: true }],
  [["-p", " 5 "], { pid: 5 }],
  [["-p=7"], { pid: 7 }],
  [["-p5", "-g", "vm1"], { pid: 11 }],
  [["-g", "vm1", "-p5"], { pid: 5 }],
  [["-s", "1e1"], { setDelay: 10 }],
  [["-s", "25.5", "-s", ".1"], { setDelay: 0.1 }],
];

for (const [argv, options] of ACCEPTED)
  test(`accepts ${JSON.stringify(argv)}`, () => {
    assert.deepEqual(parse(...argv), { ...DEFAULTS, ...options });
  });

const REFUSED: [argv: string[], message: string][] = [
  [["-c"], "Error: Option -c/--csv requires -l/--log"],
  [["-z"], "Error: Option -z/--skip-zero-records requires -l/-L"],
  [["-f", "("], 'Error: "(" is not a valid regular expression'],
  [["-g", "none"], 'Error: No guest by the name "none" found'],
  [["x", "-g", "none"], 'Error: No guest by the name "none" found'],
  [["-g", "twin"], 'Error: Multiple processes found (pids: 5 7). Use "-p" to specify the desired pid'],
  [["-p", "6"], "Did you use a (unsupported) tid instead of a pid?\nSpecified pid does not exist."],
  [["-s", "0.09"], 'Error: "0.09": Delay must be >=0.1'],
  [["-s", "99"], 'Error: "99.0": Delay must be <=25.5'],
  [["-s", "1e20"], 'Error: "1e+20": Delay must be <=25.5'],
  [["-s", "inf"], 'Error: "inf": Delay must be <=25.5'],
  [["-s", "nan"], 'Error: "nan": Delay must be >=0.1'],
];

for (const [argv, message] of REFUSED)
  test(`refuses ${JSON.stringify(argv)} with status 1`, () => {
    assert.throws(() => parse(...argv), new Refusal(message));
  });

const WRONG: [argv: string[], message: string][] = [
  [["x"], "unrecognized arguments: x"],
  [["--", "-d"], "unrecognized arguments: -- -d"],
  [["--nothing"], "unrecognized arguments: --nothing"],
  [["--lo"], "ambiguous option: --lo could match --log, --log-to-file"],
  [["-p"], "argument -p/--pid: expected one argument"],
  [["-f", "-x"], "argument -f/--fields: expected one argument"],
  [["-p", "-1"], "argument -p/--pid: expected one argument"],
  [["--csv=1"], "argument -c/--csv: ignored explicit argument '1'"],
  [["-dq"], "argument -d/--debugfs: ignored explicit argument 'q'"],
  [["-p", "abc"], "argument -p/--pid: invalid int value: 'abc'"],
  [["-s", "fast"], "argument -s/--set-delay: invalid float value: 'fast'"],
  [["--once=x"], "argument -1/--once/--batch: ignored explicit argument 'x'"],
  [["-1="], "argument -1/--once/--batch: ignored explicit argument ''"],
  [["-p", "it's"], `argument -p/--pid: invalid int value: "it's"`],
  [["-hx"], "argument -h/--help: ignored explicit argument 'x'"],
  [["--lo", "-h"], "ambiguous option: --lo could match --log, --log-to-file"],
  [["-p", "abc", "-h", "-g", "none"], "argument -p/--pid: invalid int value: 'abc'"],
  [["-p", "--", "5"], "argument -p/--pid: expected one argument"],
  [["--", "5"], "unrecognized arguments: -- 5"],
  [["-p=-5"], "argument -p/--pid: there is no process -5"],
];

for (const [argv, message] of WRONG)
  test(`refuses ${JSON.stringify(argv)} with status 2`, () => {
    assert.throws(() => parse(...argv), new UsageError(message));
  });

for (const argv of [["-h"], ["x", "--he"], ["-zh"], ["-h", "-g", "none"], ["-h", "-p", "abc"]])
  test(`${JSON.stringify(argv)} prints the help at once`, () => {
    const { status, stdout, stderr } = run("kvm-stat", ...argv);
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(stdout, /^Usage: kvm-stat/);
  });

test("a regular expression that only Python can do is told as that", () => {
  assert.throws(() => parse("-f", "(a)?(?(1)b)"), UsageError);
});
