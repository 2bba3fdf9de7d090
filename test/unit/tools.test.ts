// SPDX-License-Identifier: MIT
// Tools as values: what their command lines say, and what they say of themselves, without a process.
import assert from "node:assert/strict";
import test from "node:test";
import { COMMANDS, PAGES, treeOf } from "../../packaging/commands";
import { UsageError } from "../../src/errors";
import { tool as count } from "../../tools/commands/count";
import { tool as hist } from "../../tools/commands/hist";
import { tool as slower } from "../../tools/commands/slower";
import { tool as time } from "../../tools/commands/time";
import { readCommandLine } from "../../tools/lib/command-line";
import { helpLines, optionGroups, optionsOf } from "../../tools/lib/help";
import { Asked, type Command, isGroup } from "../../tools/lib/tool";
import { tool as exportTool } from "../../tools/trace/export";
import { tool as format } from "../../tools/trace/format";
import { tool as report } from "../../tools/trace/report";
import { run } from "../tools";

const read = (tool: Command, ...argv: string[]) => readCommandLine(tool, "NAME", argv);

/** Runs a tool as far as it goes without a host: to the fault in what it was asked for. */
async function fault(tool: Command, ...argv: string[]): Promise<string> {
  try {
    const { options, operands, command } = read(tool, ...argv);
    await tool.run({ name: "NAME", argv, options: options as never, operands, command });
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  return "none";
}

test("options have their defaults, are read with and without =, and run together", () => {
  const { options, operands, command } = read(time, "--wide", "--unit=us", "-vd", "0.5", "-p4,5", "1", "10");
  assert.deepEqual(operands, ["1", "10"]);
  assert.deepEqual(command, []);
  assert.deepEqual(options, {
    by: "reason",
    wide: true,
    idle: "show",
    advise: false,
    details: false,
    rate: false,
    l2: false,
    duration: 0.5,
    json: false,
    csv: false,
    unit: "us",
    header: true,
    net: false,
    utcOffset: false,
    attach: "auto",
    maxVcpus: 1024,
    overhead: false,
    verbose: true,
    pid: [4, 5],
  });
  assert.equal(read(count, "--no-header").options["header"], false);
});

test("lists of several uses of an option add up", () => {
  const { options } = read(
    count,
    "-p",
    "1",
    "--pid=2,1",
    "--reasons",
    "A",
    "--reasons",
    "B",
    "--vcpu",
    "0-2",
  );
  assert.deepEqual(options["pid"], [1, 2]);
  assert.equal(options["reasons"], "A,B");
  assert.deepEqual(options["vcpu"], [0, 1, 2]);
});

test("what follows -- is a command where one may follow, and operands elsewhere", () => {
  assert.deepEqual(read(count, "1", "--", "ls", "--help").command, ["ls", "--help"]);
  assert.deepEqual(read(format, "definitions", "--", "-x").operands, ["definitions", "-x"]);
  assert.deepEqual(read(format, "definitions", "-").operands, ["definitions", "-"]);
});

test("--help and --version are asked for wherever they come", () => {
  for (const argv of [["-h"], ["--by", "vm", "--help"], ["-vh"]])
    assert.throws(() => read(count, ...argv), new Asked("help"));
  assert.throws(() => read(count, "-V"), new Asked("version"));
  assert.deepEqual(read(count, "--", "--help").command, ["--help"]);
});

const FAULTS: readonly (readonly [Command, readonly string[], string])[] = [
  [count, ["--js"], "unknown option '--js' (Did you mean --json?); see NAME --help"],
  [count, ["--pancake"], "unknown option '--pancake'; see NAME --help"],
  [count, ["-x"], "unknown option '-x'; see NAME --help"],
  [count, ["--by"], "option '--by <WHAT>' argument missing; see NAME --help"],
  [count, ["--by", "host"], '--by takes reason, vm or vcpu, not "host"'],
  [count, ["--wide=1"], "unknown option '--wide=1' (Did you mean --wide?); see NAME --help"],
  [count, ["1", "2", "3"], 'unexpected argument "3" after interval and count; see NAME --help'],
  [count, ["--csv", "--json"], "option '--csv' cannot be used with option '--json'; see NAME --help"],
  [count, ["--"], "there is no command after --; name one, or leave -- out; see NAME --help"],
  [count, ["0"], 'the interval takes seconds from 0.001 to 31536000, not "0"'],
  [count, ["--wide", "--attach", "direct"], "--wide needs --attach record, or auto"],
  [count, ["--wide", "--attach", "raw"], "--wide needs --attach record, or auto"],
  [
    count,
    ["--details", "--attach", "raw"],
    "--details needs another way to attach than --attach raw; leave that out",
  ],
  [hist, ["-n", "3"], "--count is a number of intervals; give --interval, too"],
  [hist, ["1", "--reasons", "2"], "give reasons as operands or with --reasons, not both"],
  [slower, ["-1"], 'the threshold takes milliseconds from 0 to 1000000000, not "-1"'],
  [slower, ["1", "2"], 'unexpected argument "2" after MS; see NAME --help'],
  [format, [], "missing required argument 'DEFINITIONS'; see NAME --help"],
  [exportTool, ["file"], "required option '--perfetto <OUT>' not specified; see NAME --help"],
  [
    report,
    ["--slower", "1", "--by", "vm"],
    "option '--slower <MS>' cannot be used with option '--by <WHAT>'; see NAME --help",
  ],
];

for (const [tool, argv, message] of FAULTS)
  test(`refused, ${argv.join(" ") || "nothing given"}: ${message}`, async () => {
    assert.equal(await fault(tool, ...argv), message);
  });

test("every help fits 80 columns, and a narrower terminal word by word, by the command's name and by the umbrella's word", async () => {
  for (const page of PAGES)
    for (const name of [page.name, `kvm-vmexit ${page.word ?? ""}`])
      for (const named of await treeOf({ ...page, name })) {
        const lines = helpLines(named.tool, named.name);
        assert.ok(lines[0]?.startsWith(`Usage: ${named.name} `));
        assert.deepEqual(
          lines.filter((line) => line.length > 80),
          [],
          named.name,
        );
        const narrow = helpLines(named.tool, named.name, 40);
        for (const line of narrow) assert.ok(line.length <= 40 || !line.trim().includes(" "), line);
        const words = (text: readonly string[]) => text.join(" ").split(/\s+/);
        assert.deepEqual(words(narrow), words(lines));
      }
});

test("an option's name in the code is that of its long flag, and no flag means two things", async () => {
  for (const command of COMMANDS)
    for (const { tool, name } of await treeOf(command)) {
      if (isGroup(tool)) continue;
      const flags = Object.values(tool.options).flatMap((option) => option.flags);
      assert.equal(new Set([...flags, "-h", "--help", "-V", "--version"]).size, flags.length + 4, name);
      for (const [key, option] of Object.entries(tool.options)) {
        const names = option.flags.map((flag) =>
          flag.replace(/^-+(no-)?/, "").replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
        );
        assert.ok(names.includes(key), `${name}: ${key}`);
      }
    }
});

test("help has a tool's own options first, and those of many tools under their headings", () => {
  const names = optionGroups(count).map(([heading, options]): [string, string[]] => [
    heading,
    options.map(({ flags }) => flags.at(-1) ?? ""),
  ]);
  const of = new Map(names);
  assert.deepEqual(
    names.map(([heading]) => heading),
    ["Options", "Which VMs and exits", "Output", "Limits and advice", "Tracing"],
  );
  assert.deepEqual(of.get("Which VMs and exits"), ["--pid", "--vm", "--vcpu", "--reasons", "--excludes"]);
  assert.ok(of.get("Options")?.includes("--by") && of.get("Options")?.includes("--help"));
  assert.equal(names.flatMap(([, options]) => options).length, optionsOf(count).length);
  const lines = helpLines(count, "NAME");
  for (const [heading, [first = ""]] of names)
    assert.ok((lines[lines.indexOf(`${heading}:`) + 1] ?? "").includes(first), heading);
});

test("the umbrella calls a tool by its word, and helps to find one", () => {
  const alone = run("kvm-vmexit");
  assert.equal(alone.status, 2);
  assert.equal(alone.stderr, "");
  assert.match(alone.stdout, /^ {2}count +How often do guests exit, and why\?$/m);
  assert.deepEqual(run("kvm-vmexit", "--help"), { ...alone, status: 0 });
  assert.deepEqual(run("kvm-vmexit", "help"), { ...alone, status: 0 });
  const help = run("kvm-vmexit", "help", "trace", "record");
  assert.match(help.stdout, /^Usage: kvm-vmexit trace record /);
  assert.deepEqual(run("kvm-vmexit", "trace", "record", "--help"), help);
  assert.equal(run("kvm-vmexit", "--version").stdout, run("kvm-vmexit-count", "-V").stdout);
});

for (const [argv, message] of [
  [["tiem"], "kvm-vmexit: unknown command 'tiem' (Did you mean time?); see kvm-vmexit --help"],
  [["zap"], "kvm-vmexit: unknown command 'zap'; see kvm-vmexit --help"],
  [["--json"], "kvm-vmexit: unknown option '--json'; see kvm-vmexit --help"],
  [["count", "x"], 'kvm-vmexit count: the interval takes seconds from 0.001 to 31536000, not "x"'],
  [["trace", "foo", "--help"], "kvm-vmexit trace: unknown command 'foo'; see kvm-vmexit trace --help"],
  [["help", "bogus"], "kvm-vmexit: unknown command 'bogus'; see kvm-vmexit --help"],
  [["stat", "-p"], "kvm-vmexit stat: error: argument -p/--pid: expected one argument"],
] as const)
  test(`kvm-vmexit ${argv.join(" ")} says what is wrong by the name it was called`, () => {
    assert.deepEqual(run("kvm-vmexit", ...argv), { status: 2, stdout: "", stderr: `${message}\n` });
  });
