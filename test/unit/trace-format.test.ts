// SPDX-License-Identifier: MIT
// kvm-trace format: the original's output byte for byte, definitions files, and failures that name their place.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import fc from "fast-check";
import { parseDefinitions } from "../../src/trace/definitions";
import { Formatter } from "../../src/trace/formatter";
import { RecordReader } from "../../src/trace/reader";
import { PROJECT } from "../tools";
import { record } from "./trace";

const DATA = join(PROJECT, "test", "data", "kvmtrace");
const FORMATTER = join(PROJECT, "dist", "bin", "kvmtrace_format.js");

interface Output {
  status: number | null;
  stdout: string;
  stderr: string;
}

function kvmtraceFormat(parameters: readonly string[], input: Uint8Array): Output {
  const { status, stdout, stderr } = spawnSync(process.execPath, [FORMATTER, ...parameters], { input });
  return { status, stdout: stdout.toString("latin1"), stderr: stderr.toString() };
}

/** Formats with a definitions file given as text. */
function format(definitions: string, input: Uint8Array, ...parameters: string[]): Output {
  const folder = mkdtempSync(join(tmpdir(), "formats-"));
  try {
    const path = join(folder, "defs");
    writeFileSync(path, definitions, "latin1");
    const output = kvmtraceFormat([...parameters, path], input);
    return { ...output, stderr: output.stderr.replaceAll(path, "defs") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What one record comes out as, by a rule for every event. */
function line(text: string, input: Uint8Array, mhz = 0): string {
  const formatter = new Formatter(parseDefinitions(`0 ${text}`, "defs"), "defs", mhz);
  const reader = new RecordReader({ name: "input", knows: () => true });
  reader.feed(input);
  reader.end();
  while (reader.next()) formatter.format(reader.record);
  return Buffer.from(formatter.take()).toString("latin1");
}

for (const [name, mhz, recording] of [
  ["plain", 0, "wild"],
  ["plain", 2000, "wild"],
  ["conversions", 0, "wild"],
  ["conversions", 3, "wild"],
  ["conversions", -7, "wild"],
  ["random", 0, "random"],
  ["random", 2400, "random"],
] as const)
  test(`prints what the original printed: ${name}, -c ${mhz}`, () => {
    const expected = readFileSync(join(DATA, `${name}.c${mhz}.txt`), "latin1");
    const input = readFileSync(join(DATA, `${recording}.bin`));
    const { status, stdout, stderr } = kvmtraceFormat(["-c", String(mhz), join(DATA, `${name}.defs`)], input);
    assert.equal(stderr, "");
    assert.equal(status, 0);
    assert.equal(stdout, expected);
  });

const EXIT = { event: 0x10002, pid: 7, vcpu: 1, time: 1000n, words: [0x72, 0xff00, 1] };

test("every conversion of a data word, as Python 2.7 prints it", () => {
  const words = [0x72, 0, 8, 4294967295, 5, 6, 7];
  const input = record({ ...EXIT, words });
  for (const [text, expected] of [
    ["%(1)d|%(1)i|%(1)u|%(1)x|%(1)X|%(1)o", "114|114|114|72|72|162"],
    ["%(4)08d|%(4)x|%(4)X|%(4)o", "4294967295|ffffffff|FFFFFFFF|37777777777"],
    ["%(1)#x|%(1)#X|%(3)#o|%(2)#o|%(2)#x", "0x72|0X72|010|0|0x0"],
    ["%(1)+d|%(1) d|%(1)-5d|%(1)05d|%(1)5d", "+114| 114|114  |00114|  114"],
    ["%(1).5d|%(1)8.5x|%(2).0d|%(1)-08x|%(1)#010x", "00114|   00072||72      |0x00000072"],
    ["%(1)s|%(1)r|%(1)5.2s|%(1)c", "114|114|   11|r"],
    ["%(1)f|%(1).1e|%(1)g|%(1)G|%(1)#.0f", "114.000000|1.1e+02|114|114|114."],
    ["%-5%|%5%|%05%|%(1)-3%|%%", "%    |    %|    %|%  |%"],
    ["%(6)d %(7)d %(event)05x %(vcpu)ld 100%% %3%|", "6 7 10002 1 100%   %|"],
    ["no conversions, a tab\tand \xe9", "no conversions, a tab\tand \xe9"],
  ] as const)
    assert.equal(line(text, input), `${expected}\n`, text);
});

test("%g of an integer halfway between two keeps its zeros, as Python 2.7's does", () => {
  const words = [2621805, 2621815, 2621804, 1000005, 9999995];
  const rule = "%(1)g %(2)g %(3)g %(4)g %(5)g %(4).3g %(1).4g";
  assert.equal(
    line(rule, record({ ...EXIT, words })),
    "2.62180e+06 2.62182e+06 2.6218e+06 1.00000e+06 1e+07 1e+06 2.622e+06\n",
  );
});

test("words that a record lacks are 0", () => {
  const two = Buffer.concat([
    record({ ...EXIT, words: [1, 2, 3, 4, 5, 6, 7] }),
    record({ ...EXIT, words: [9] }),
  ]);
  assert.equal(line("%(1)d %(2)d %(7)d", two), "1 2 7\n9 0 0\n");
});

test("reltsc is the distance to the last time stamp, 0 at first and without one", () => {
  const times = [undefined, 1000n, 1500n, undefined, 1400n, 2n ** 64n - 1n];
  const input = Buffer.concat(times.map((time) => record({ ...EXIT, time })));
  assert.equal(
    line("%(tsc)d %(reltsc)5d", input),
    [
      "0     0",
      "1000     0",
      "1500   500",
      "0     0",
      "1400  -100",
      "18446744073709551615 18446744073709550215",
      "",
    ].join("\n"),
  );
});

test("-c makes seconds of tsc and leaves reltsc in ticks", () => {
  const input = Buffer.concat([record({ ...EXIT, time: 3_500_000n }), record({ ...EXIT, time: 9_000_000n })]);
  assert.equal(
    line("%(tsc)d %(tsc)f %(tsc).1f %(reltsc)d", input, 1),
    "3 3.500000 3.5 0\n9 9.000000 9.0 5500000\n",
  );
});

test("a rule that Python can't apply is printed unchanged, with the fields below it, as the original did", () => {
  const fields =
    "{'1': 114, '3': 1, 'reltsc': 0, '5': 0, '4': 0, 'vcpu': 1, '2': 65280, 'pid': 7, 'tsc': 1000, 'event': 65538}";
  for (const text of ["100% done", "%(1)*d", "%(1)d %s"])
    assert.equal(line(text, record(EXIT)), `${text}\n${fields}\n`);
});

test("where Python fails twice on a rule, the first failure counts", () => {
  const failure = (text: string, mhz: number) => {
    try {
      return line(text, record(EXIT), mhz).split("\n")[0];
    } catch (error) {
      return (error as Error).message.replace(/;.*/, "");
    }
  };
  assert.equal(failure("%(2)c %*d", 0), "defs:1: %c takes 0 to 255, not 65280");
  assert.equal(failure("%(1)c %*d", 0), "%(1)c %*d");
  assert.equal(failure("%(1)d %*d %q", 0), "%(1)d %*d %q");
  assert.equal(failure("%(1)q %*d", 0), 'defs:1: "q" is no conversion');
  assert.equal(failure("%(tsc)c %q", 1), "%(tsc)c %q");
  assert.equal(failure("%(tsc)c %q", 0), "defs:1: %c takes 0 to 255, not 1000");
});

test("an unknown event takes the rule of event 0, and is passed over where there is none", () => {
  const input = Buffer.concat([record(EXIT), record({ ...EXIT, event: 0x99 })]);
  assert.equal(format("0x10002 exit\n0 %(event)x\n", input).stdout, "exit\n99\n");
  assert.equal(format("0x10002 exit\n", input).stdout, "exit\n");
});

test("event ids are Python's integers; of two rules the later counts", () => {
  for (const id of ["65538", "0x10002", "0X10002L", "0200002", "0o200002", "0b10000000000000010", "65538l"])
    assert.equal(format(`65538 other\n${id} found\n`, record(EXIT)).stdout, "found\n", id);
});

test("definitions that are none: the line is named, nothing is executed", () => {
  for (const [definitions, message] of [
    ["# fine\n\n0x1\n", /^kvmtrace_format: defs:3: not a rule; .*#\n$/],
    [" 0x1 text\n", /defs:1: not a rule/],
    ["0x1 ok\n1+1 text\n", /defs:2: "1\+1" is no event id; write a number such as 0x00010001\n$/],
    ["__import__('os') x\n", /defs:1: "__import__\('os'\)" is no event id/],
    ["0x\x1b[2J x\n", /defs:1: "0x\\x1b\[2J" is no event id/],
    ["09 x\n", /is no event id/],
  ] as const) {
    const { status, stdout, stderr } = format(definitions, record(EXIT));
    assert.match(stderr, message);
    assert.deepEqual([status, stdout], [2, ""]);
  }
});

test("a rule that no record needs may be wrong; where one needs it, what came before is printed first", () => {
  const input = Buffer.concat([record({ ...EXIT, event: 1 }), record(EXIT)]);
  for (const [text, reason] of [
    ["%(8)d", 'no field is called "8"; there are tsc, reltsc'],
    ["%(tsc", "a ( is never closed"],
    ["%(tsc)", "the text ends within a conversion"],
    ["%(tsc)q", '"q" is no conversion; use d, x or o'],
    ["%(tsc)99999d", "a width or precision is above 4096"],
    ["%(2)d %(2)c", "%c takes 0 to 255, not 65280"],
  ] as const) {
    const definitions = `1 first\n0x10002 ${text}\n3 third\n`;
    assert.equal(format(definitions, record({ ...EXIT, event: 1 })).status, 0);
    const { status, stdout, stderr } = format(definitions, input);
    assert.deepEqual([status, stdout], [2, "first\n"]);
    assert.ok(stderr.startsWith(`kvmtrace_format: defs:2: ${reason}`), stderr);
  }
});

test("a cut recording is printed as far as it goes; garbage ends it with its offset", () => {
  const whole = record(EXIT);
  const cut = format("0x10002 %(1)d\n", Buffer.concat([whole, whole.subarray(0, 30)]));
  assert.deepEqual([cut.status, cut.stdout], [0, "114\n"]);
  assert.equal(
    cut.stderr,
    "kvmtrace_format: standard input: the last record, at byte 32, is cut off after 30 bytes; left out\n",
  );
  const garbage = format("0x10002 %(1)d\n0 unknown\n", Buffer.concat([whole, Buffer.alloc(64, 0xff)]));
  assert.deepEqual([garbage.status, garbage.stdout], [2, "114\n"]);
  assert.match(
    garbage.stderr,
    /^kvmtrace_format: standard input: no record at byte 32: event 0xfffffff is unknown/,
  );
});

test("in both byte orders, with a magic or without, all of 0 to 7 words are printed alike", () => {
  const rule = "0x10002 %(tsc)d %(event)x %(pid)d %(vcpu)d %(1)x %(2)x %(3)x %(4)x %(5)x %(6)x %(7)x\n";
  const all = [0, 1, 2, 3, 4, 5, 6, 7].map((count) => [11, 12, 13, 14, 15, 16, 17].slice(0, count));
  const expected = all.map((words, index) => {
    const shown = Array.from({ length: 7 }, (_, place) => (words[place] ?? 0).toString(16));
    return `${index % 2 === 0 ? 1000 : 0} 10002 7 1 ${shown.join(" ")}\n`;
  });
  for (const big of [false, true])
    for (const magic of [false, true]) {
      const start = Buffer.from(big ? [0x12, 0x34, 0x56, 0x78] : [0x78, 0x56, 0x34, 0x12]);
      const records = all.map((words, index) =>
        record({ ...EXIT, time: index % 2 === 0 ? EXIT.time : undefined, words }, big),
      );
      const { status, stdout } = format(rule, Buffer.concat([start.subarray(0, magic ? 4 : 0), ...records]));
      assert.deepEqual([status, stdout], [0, expected.join("")]);
    }
});

test("-c takes what Python's int() takes", () => {
  const output = (mhz: string) => format("0 %(tsc)d", record({ ...EXIT, time: 5_000_000n }), "-c", mhz);
  assert.deepEqual(
    [" 2 ", "+1", "0"].map((mhz) => output(mhz).stdout),
    ["2\n", "5\n", "5000000\n"],
  );
  assert.equal(output("2.5").status, 2);
});

test("any bytes with any rules: an end, and no failure but the ones meant for users", () => {
  const rules = fc
    .array(
      fc.tuple(
        fc.nat(3),
        fc.string({ unit: fc.constantFrom(...Array.from("%(tsc)reldxo#0 -+.12345*%%hxyz\t")) }),
      ),
    )
    .map((all) => all.map(([event, text]) => `${event} ${text}`).join("\n"));
  fc.assert(
    fc.property(rules, fc.uint8Array({ maxLength: 400 }), fc.integer(), (text, bytes, mhz) => {
      try {
        const formatter = new Formatter(parseDefinitions(text, "defs"), "defs", mhz);
        const reader = new RecordReader({ name: "input", knows: formatter.knows.bind(formatter) });
        reader.feed(bytes);
        reader.end();
        while (reader.next()) formatter.format(reader.record);
      } catch (error) {
        assert.equal((error as Error).name, "UsageError", String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test("the quick ways to write numbers agree with the slow one", () => {
  const word = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffffffff }));
  const time = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 2n ** 42n }));
  const padding = fc
    .tuple(fc.constantFrom("", "0"), fc.nat(25))
    .map(([zero, width]) => `${zero}${width || ""}`);
  fc.assert(
    fc.property(
      word,
      time,
      time,
      padding,
      fc.constantFrom("d", "x", "X"),
      (value, first, second, pad, type) => {
        const input = Buffer.concat([first, second].map((time) => record({ ...EXIT, time, words: [value] })));
        const rule = (precision: string) =>
          ["1", "tsc", "reltsc", "pid"].map((field) => `%(${field})${pad}${precision}${type}`).join("|");
        // A precision of 1 changes nothing, but goes the slow way.
        assert.equal(line(rule(""), input), line(rule(".1"), input));
      },
    ),
    { numRuns: 1000 },
  );
});

test("the rule of event 0 doesn't make a recording big-endian; a magic tells the order, whatever --byte-order says", () => {
  const low = record({ event: 0x10, pid: 0, vcpu: 0, time: undefined, words: [] });
  assert.equal(format("0 E%(event)x\n", Buffer.concat([low, low])).stdout, "E10\nE10\n");
  const big = Buffer.concat([Buffer.from([0x12, 0x34, 0x56, 0x78]), record(EXIT, true)]);
  assert.equal(format("0x10002 %(1)x\n", big, "--byte-order", "little").stdout, "72\n");
});
