// SPDX-License-Identifier: MIT
// The screen is kvm_stat's, character by character, and its keys do what kvm_stat's do.
import assert from "node:assert/strict";
import test from "node:test";
import { Interactive } from "../../src/stat/interactive";
import type { Counts } from "../../src/stat/keys";
import type { FieldFilter, Provider } from "../../src/stat/provider";
import type { Frame, Size } from "../../src/screen/frame";
import { bodyPieces, headerPieces } from "../../src/stat/screen";
import { Statistics } from "../../src/stat/statistics";

const SIZE: Size = { rows: 24, columns: 80 };

/** A frame as text, without the blanks at the ends of lines and the empty lines at its end. */
function text(frame: Frame, size = SIZE): string {
  const rows = Array.from({ length: size.rows }, () => Array<string>(size.columns).fill(" "));
  for (const { row, column, text: content } of frame.pieces)
    Array.from(content).forEach((character, index) => {
      const line = rows[row];
      if (line && column + index < size.columns) line[column + index] = character;
    });
  return rows
    .map((row) => row.join("").trimEnd())
    .join("\n")
    .trimEnd();
}

const letters = (word: string) => Array.from(word);

const COUNTS: Counts = new Map([
  ["kvm_pio", { value: 50, delta: 5 }],
  ["kvm_exit", { value: 1000, delta: 100 }],
  ["kvm_exit(HLT) kvm_exit", { value: 250, delta: 60 }],
  ["kvm_exit(CPUID) kvm_exit", { value: 750, delta: 40 }],
  ["kvm_entry", { value: 2000, delta: 90 }],
  ["kvm_msr", { value: 0, delta: 0 }],
]);

const view = {
  sort: "current",
  children: true,
  byGuest: false,
  nameOf: String,
  seconds: 1,
  rows: 24,
} as const;

test("header and body are what kvm_stat draws", () => {
  const header = { pid: 42, guest: "vm", regex: "kvm_(exit|entry)", byGuest: false };
  assert.equal(
    text({ pieces: [...headerPieces(header), ...bodyPieces(COUNTS, view)] }),
    `kvm statistics - pid 42 (vm)
                 regex filter: kvm_(exit|entry)
 Event                                         Total %Total CurAvg/s
 kvm_exit                                       1000   32.8      100
   kvm_exit(HLT)                                 250   25.0       60
   kvm_exit(CPUID)                               750   75.0       40
 kvm_entry                                      2000   65.6       90
 kvm_pio                                          50    1.6        5
 Total                                          3050             195`,
  );
});

test("sorting by total, a short screen, and rates over the seconds that passed", () => {
  assert.equal(
    text({ pieces: bodyPieces(COUNTS, { ...view, sort: "total", seconds: 8, rows: 7 }) }).trimStart(),
    `kvm_entry                                      2000   65.6       11
 kvm_exit                                       1000   32.8       12
   kvm_exit(CPUID)                               750   75.0        5
 Total                                          3050              24`,
  );
});

test("nothing counted, and a count that went back, have their messages", () => {
  assert.match(text({ pieces: bodyPieces(new Map(), view) }), /^\n{4} No matching events reported yet$/);
  const back = new Map([["exits", { value: 5, delta: -9 }]]);
  assert.match(text({ pieces: bodyPieces(back, view) }), /^\n{4} Guest removed, updating\.\.\.$/);
});

test("names from outside can't steer the terminal", () => {
  const pieces = headerPieces({ pid: 1, guest: "\x1b[2Jvm", regex: "\x07", byGuest: false });
  assert.ok(pieces.every((piece) => Array.from(piece.text).every((character) => character >= " ")));
});

class FakeProvider implements Provider {
  knowsGuests = true;
  impossible = new Set<string>();
  log: string[] = [];
  read(byGuest: boolean): Counts {
    this.log.push("read");
    return byGuest ? new Map([["42", { value: 8, delta: 4 }]]) : COUNTS;
  }
  setFilter(wanted: FieldFilter): void {
    this.log.push(`filter ${["kvm_exit", "kvm_pio"].filter(wanted).join()}`);
  }
  setPid(pid: number): void {
    this.log.push(`pid ${pid}`);
  }
  reset(): void {
    this.log.push("reset");
  }
  losses(): string[] {
    return [];
  }
  close(): void {
    this.log.push("close");
  }
}

function setUp(pid = 0) {
  const provider = new FakeProvider();
  const running = new Set([42, 43]);
  const names = new Map([
    [42, "vm"],
    [43, "other"],
  ]);
  const guests = () => [...names].map(([id, name]) => ({ pid: id, name }));
  const screen = new Interactive(
    new Statistics([provider], "", pid),
    {
      toldNameOf: (id) => names.get(id) ?? "",
      guests,
      pidsOf: (name) => guests().flatMap((guest) => (guest.name === name ? [guest.pid] : [])),
      isRunning: (id) => running.has(id),
    },
    3,
  );
  screen.refresh(0, SIZE);
  provider.log = [];
  let now = 0;
  const type = (...keys: string[]) => {
    let goesOn = true;
    for (const key of keys) goesOn = screen.key(key, ++now, SIZE);
    return goesOn;
  };
  return { provider, screen, running, names, type, shown: () => text(screen.frame(SIZE)) };
}

test("q and Ctrl-C end, in a question Ctrl-C only; any other key refreshes", () => {
  const { provider, type } = setUp();
  assert.equal(type("y"), true);
  assert.deepEqual(provider.log, ["read"]);
  assert.equal(type("q"), false);
  assert.equal(type("f", "q"), true);
  assert.equal(type("interrupt"), false);
});

test("x shows and hides children, o changes the order", () => {
  const { type, shown } = setUp();
  assert.doesNotMatch(shown(), /CPUID/);
  type("x");
  assert.match(shown(), /kvm_exit {2}[^\n]*\n {3}kvm_exit\(HLT\)/);
  type("x", "o");
  assert.match(shown(), /CurAvg\/s\n kvm_entry/);
  type("o");
  assert.match(shown(), /CurAvg\/s\n kvm_exit/);
});

test("f filters, says what is wrong, and an empty answer or c clears", () => {
  const { provider, screen, type, shown } = setUp();
  type("f", "(");
  assert.deepEqual(screen.frame(SIZE).cursor, { row: 3, column: 12 });
  assert.equal(screen.waitMs, undefined);
  type("enter");
  assert.equal(
    shown(),
    'Show statistics for events matching a regex.\n\nCurrent regex:\nNew regex:\n\n"(": Not a valid regular expression',
  );
  type("k", "x", "backspace", "kill", ...letters("kvm_exit$"), "enter");
  assert.deepEqual(provider.log, ["filter kvm_exit", "read"]);
  assert.match(shown(), /^kvm statistics - summary\n {17}regex filter: kvm_exit\$\n/);
  assert.equal(screen.waitMs, 200);
  type("y");
  assert.equal(screen.waitMs, 3000);
  type("c");
  assert.deepEqual(provider.log.slice(-2), ["filter kvm_exit,kvm_pio", "read"]);
  assert.doesNotMatch(shown(), /regex/);
});

test("the cursor is after what was typed, and a line that is too long shows its end", () => {
  const { screen, type } = setUp();
  const line = (size: Size): string => text(screen.frame(size), size).split("\n")[3] ?? "";
  const column = (size: Size): number | undefined => screen.frame(size).cursor?.column;
  type("f", ...letters("größe日本🙂e\u0301\u200e"));
  assert.equal(line(SIZE), "New regex: größe日本🙂e\u0301\\u200e");
  assert.equal(column(SIZE), 11 + 5 + 3 * 2 + 1 + 6);
  const narrow = { ...SIZE, columns: 20 };
  type("kill", ...letters("12345678"));
  assert.equal(line(narrow), "New regex: 12345678");
  assert.equal(column(narrow), 19);
  type("9");
  assert.equal(line(narrow), "ew regex: 123456789");
  assert.equal(column(narrow), 19);
  type("kill", ...letters("日1234567890123456"), "7");
  assert.equal(line(narrow), "日12345678901234567");
  type("8");
  assert.equal(line(narrow), " 123456789012345678", "half of a wide character is none");
  assert.equal(column(narrow), 19);
});

test("g and p choose by name and by pid, and refuse what doesn't run", () => {
  const { provider, type, shown } = setUp();
  type("g", ...letters("nobody"), "enter");
  assert.equal(
    shown(),
    `Show statistics for specific guest or pid.
This might limit the shown data to the trace statistics.

Guest or pid [ENTER exits]:

"nobody": Not an active guest

       Pid  Guest Name (fuzzy list, might be inaccurate!)
        42  vm
        43  other`,
  );
  type("9", "enter");
  assert.match(shown(), /"9": Not a running process/);
  type(...letters("other"), "enter");
  assert.match(shown(), /^kvm statistics - pid 43 \(other\)/);
  type("p", ...letters("42"), "enter");
  assert.match(shown(), /^kvm statistics - pid 42 \(vm\)/);
  type("p", "enter");
  assert.match(shown(), /^kvm statistics - summary/);
  assert.deepEqual(
    provider.log.filter((entry) => entry.startsWith("pid")),
    ["pid 43", "pid 42", "pid 0"],
  );
});

test("s sets the interval in its range, an empty answer the default", () => {
  const { screen, type, shown } = setUp();
  type("s", ...letters("99"), "enter");
  assert.equal(
    shown(),
    'Set update interval (defaults to 3.0s).\n\nChange delay from 3.0s to\n\n"99.0": Delay must be <=25.5',
  );
  type("x", "enter");
  assert.match(shown(), /"x": Invalid value/);
  type(...letters("0.57"), "enter", "y");
  assert.equal(screen.waitMs, 500);
  type("s", "enter", "y");
  assert.equal(screen.waitMs, 3000);
});

test("b shows guests by name, or says that tracepoints don't know them", () => {
  const { provider, type, shown } = setUp();
  type("b");
  assert.match(shown(), /^ Guest Name .*\n vm {39} {9}8 {2}100\.0 {8}4$/m);
  type("b");
  assert.match(shown(), /^ Event /m);
  provider.knowsGuests = false;
  type("b");
  assert.match(
    shown(),
    /Command not available with tracepoints enabled\n.*\n\n {27}Press any key to continue$/,
  );
  type("y");
  assert.match(shown(), /^ Event /m);
});

test("h shows the keys until any key, r resets", () => {
  const { provider, type, shown } = setUp();
  type("h");
  assert.match(
    shown(),
    /^Interactive commands reference\n\nPress any key to exit\n\n {3}b {5}toggle events by guests/,
  );
  type("q");
  assert.match(shown(), /^kvm statistics/);
  provider.log = [];
  type("r");
  assert.deepEqual(provider.log, ["reset", "read"]);
});

test("a guest that ends is marked over its last numbers, and followed when it is back", () => {
  const { provider, running, names, type, shown } = setUp(42);
  running.delete(42);
  names.delete(42);
  type("y");
  assert.match(shown(), /^kvm statistics - pid 42 \(vm\) {3}Guest is DEAD\n/);
  assert.match(shown(), /kvm_exit +1000/);
  assert.deepEqual(provider.log, []);
  running.add(77);
  names.set(77, "vm");
  type("y");
  assert.match(shown(), /^kvm statistics - pid 77 \(vm\)\n/);
  assert.deepEqual(provider.log, ["pid 77", "read"]);
});
