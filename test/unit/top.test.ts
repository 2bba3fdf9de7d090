// SPDX-License-Identifier: MIT
// top without a terminal: rows, order, keys, filters and frames of readings that are made up.
import assert from "node:assert/strict";
import test from "node:test";
import type { Vm } from "../../src/host/vm";
import type { Identity } from "../../src/measure/grouping";
import { NOTHING_LOST } from "../../src/measure/lost";
import type { Reading } from "../../src/measure/reading";
import { type Groups, type Samples, detailAt, sampleAt, sampleKey } from "../../src/measure/samples";
import { makeClock } from "../../src/split/clock";
import type { SplitReading } from "../../src/split/reading";
import { fill, short, sparkline } from "../../src/screen/top/columns";
import { KEYS } from "../../src/screen/top/keys";
import { nextDue } from "../../src/screen/top/questions";
import { type Both, type Chosen, Top } from "../../src/screen/top/top";

const SVM = 1;
const [CPUID, HLT, MSR] = [0x72, 0x78, 0x7c];

interface Counted {
  readonly vm: string;
  readonly vcpu: number;
  readonly reason: number;
  readonly count: number;
  readonly ns: number;
  readonly l2?: number;
}

/** A cumulative reading of exits, `number` seconds after the start. */
function exitsAt(number: number, counted: readonly Counted[], lost = NOTHING_LOST): Reading {
  const exits: Groups = new Map<string, Samples>();
  for (const { vm, vcpu, reason, count, ns, l2 = 0 } of counted) {
    const sample = sampleAt(exits, `${vm}:${vcpu}`, sampleKey(SVM, reason), "svm", reason);
    Object.assign(sample.l1, {
      count: count - l2,
      timed: count - l2,
      totalNs: (count - l2) * ns,
      maxNs: 2 * ns,
    });
    Object.assign(sample.l2, { count: l2, timed: l2, totalNs: l2 * ns, maxNs: l2 > 0 ? ns : 0 });
    sample.l1.buckets.push(...Array<number>(30).fill(0), count - l2);
  }
  const vcpus = new Map([...exits.keys()].map((key) => [key, identity(key)]));
  const [start, end] = [new Date(0), new Date(1000 * number)];
  return { start, end, durationNs: 1e9 * number, number, lost, vcpus, exits };
}

/** The same without a split of time. */
function reading(number: number, counted: readonly Counted[], lost = NOTHING_LOST): Both {
  return { exits: exitsAt(number, counted, lost), split: undefined };
}

const vms = new Map<string, Vm>();
const identities = new Map<string, Identity>();

/** The same object for the same vCPU, as a session has it. */
function identity(key: string): Identity {
  const [name = "", vcpu] = key.split(":");
  const vm = vms.get(name) ?? { pid: 100 + vms.size, startNs: 5, name, source: "process" };
  vms.set(name, vm);
  const known = identities.get(key) ?? { vm, vcpu: Number(vcpu) };
  identities.set(key, known);
  return known;
}

const written: { path: string; happened: Both; chosen: Chosen }[] = [];

function screen(details = false, opened = reading(0, [])): Top {
  const top = new Top(opened, {
    seconds: 1,
    unit: "ns",
    idle: false,
    unicode: true,
    details,
    remark: "",
    wants: () => true,
    picks: new Map(),
    write: (path, happened, chosen) => {
      written.push({ path, happened, chosen });
      return `added to ${path}`;
    },
  });
  return top;
}

/** The lines of a screen. */
function linesOf(top: Top, columns = 80, rows = 24): string[] {
  const lines = Array<string>(rows).fill("");
  for (const { row, column, text } of top.frame({ rows, columns }).pieces) {
    const before = (lines[row] ?? "").padEnd(column);
    lines[row] = before.slice(0, column) + text + before.slice(column + text.length);
  }
  return lines.map((line) => line.trimEnd());
}

const WEB: readonly Counted[] = [
  { vm: "web", vcpu: 0, reason: CPUID, count: 300, ns: 1000 },
  { vm: "web", vcpu: 1, reason: CPUID, count: 100, ns: 1000 },
  { vm: "web", vcpu: 1, reason: HLT, count: 7, ns: 90_000_000 },
  { vm: "db", vcpu: 0, reason: MSR, count: 900, ns: 500 },
];

test("VMs are listed by their exits a second, the sum first; idle exits are hidden", () => {
  const top = screen();
  top.take(reading(1, WEB));
  const lines = linesOf(top);
  assert.equal(lines[0], "kvm-vmexit top - every 1 s: 1300 exits/s, taking 0.1 % of a CPU");
  assert.match(lines[1] ?? "", /^VMs {2}idle exits hidden$/);
  assert.match(lines[3] ?? "", /^NAME +PID +VCPUS +▼EXITS\/s +TIME% +AVG ns +P99 ns +MAX ns +HISTORY$/);
  assert.match(lines[4] ?? "", /^all VMs +3 +1300 +0\.1 +654 +\d+ +2000 +█$/);
  assert.match(lines[5] ?? "", /^db +\d+ +1 +900 +0\.0 +500 +\d+ +1000 +█$/);
  assert.match(lines[6] ?? "", /^web +\d+ +2 +400 +0\.0 +1000 +\d+ +2000 +█$/);
  top.key("i");
  assert.match(linesOf(top)[4] ?? "", /^all VMs +3 +1307 +63\.1 /);
});

test("rates are of the interval, counts of all since the start, or since r", () => {
  const top = screen();
  top.take(reading(1, WEB));
  top.take(reading(3, [...WEB.slice(0, 3), { vm: "db", vcpu: 0, reason: MSR, count: 1100, ns: 500 }]));
  assert.match(linesOf(top)[5] ?? "", /^db +\d+ +1 +100 /);
  top.key("a");
  assert.match(linesOf(top)[5] ?? "", /^db +\d+ +1 +1100 /);
  assert.match(linesOf(top)[0] ?? "", / - in 3\.0 s: 1500 exits, /);
  top.key("r");
  assert.match(linesOf(top)[4] ?? "", /^all VMs +0 +0 /);
  top.take(reading(4, [...WEB.slice(0, 3), { vm: "db", vcpu: 0, reason: MSR, count: 1103, ns: 500 }]));
  assert.match(linesOf(top)[4] ?? "", /^all VMs +1 +3 /);
});

test("Enter leads to vCPUs, reasons and times, Left and Backspace back; the sum leads to all that it adds up", () => {
  const top = screen();
  top.take(reading(1, WEB));
  for (const key of ["end", "enter"]) top.key(key);
  assert.match(linesOf(top)[1] ?? "", /^VMs > VM web \(\d+\) /);
  assert.match(linesOf(top)[5] ?? "", /^vCPU 0 +300 /);
  for (const key of ["down", "down", "right"]) top.key(key);
  assert.match(linesOf(top)[1] ?? "", /> vCPU 1 /);
  assert.match(linesOf(top)[5] ?? "", /^CPUID +1 +100 /);
  for (const key of ["down", "enter"]) top.key(key);
  const times = linesOf(top);
  assert.match(times[1] ?? "", /> CPUID /);
  assert.equal(times[3], "exits 100  a second 100  average 1000 ns  max 2000 ns  L2 0  vCPUs 1");
  assert.ok(
    times.some((line) => /^ +\d+ -> \d+ +: 100 +\|\*{20,}\|$/.test(line)),
    times.join("\n"),
  );
  top.key("enter");
  assert.deepEqual(linesOf(top), times);
  for (const key of ["backspace", "left", "home", "enter"]) top.key(key);
  assert.match(linesOf(top)[1] ?? "", /> all vCPUs /);
  assert.match(linesOf(top)[4] ?? "", /^all reasons +2 +400 /);
  for (let i = 0; i < 9; i++) top.key("left");
  assert.match(linesOf(top)[1] ?? "", /^VMs {2}/);
});

test("rows are sorted by any column and by name, either way", () => {
  const top = screen();
  top.take(reading(1, WEB));
  const first = () => /^\S+/.exec(linesOf(top)[5] ?? "")?.[0];
  assert.equal(first(), "db");
  top.key(">");
  assert.match(linesOf(top)[3] ?? "", /▼TIME%/);
  assert.equal(first(), "db");
  top.key("R");
  assert.match(linesOf(top)[3] ?? "", /▲TIME%/);
  assert.equal(first(), "web");
  top.key("R");
  top.key(">");
  assert.equal(first(), "web", "its average is higher");
  for (let i = 0; i < 9; i++) top.key("<");
  assert.match(linesOf(top)[3] ?? "", /^▼NAME/);
  assert.equal(first(), "db");
});

/** Clocks of vCPUs, `number` seconds after the start: ns in the guest, in KVM and asleep in a halt. */
function splitAt(
  number: number,
  clocks: Readonly<Record<string, readonly [number, number, number]>>,
): SplitReading {
  const times = { guest: 0, kvm: 1, idle: 2 } as const;
  return {
    start: new Date(0),
    end: new Date(1000 * number),
    durationNs: 1e9 * number,
    number,
    lost: NOTHING_LOST,
    vcpus: new Map(Object.keys(clocks).map((key) => [key, identity(key)])),
    clocks: new Map(
      Object.entries(clocks).map(([key, ns]) => [
        key,
        makeClock(
          (activity) => (activity in times ? ns[times[activity as keyof typeof times]] : 0),
          () => 0,
          () => 0,
          [],
        ),
      ]),
    ),
  };
}

test("where the split of time is known VMs and vCPUs have it, and those without exits are there too", () => {
  const opened = { exits: exitsAt(0, []), split: splitAt(0, { "web:0": [1e9, 0, 0] }) };
  const top = screen(true, opened);
  const split = splitAt(1, {
    "web:0": [1.7e9, 0.2e9, 0.1e9],
    "web:1": [0.3e9, 0, 0.7e9],
    "calm:0": [1e9, 0, 0],
  });
  top.take({ exits: exitsAt(1, WEB), split });
  const lines = linesOf(top);
  assert.match(lines[3] ?? "", /^NAME +▼EXITS\/s +GUEST% +KVM% +VMM% +POLL% +IDLE% +WAIT% +HISTORY$/);
  assert.match(lines[4] ?? "", /^all VMs +1300 +66\.7 +6\.7 +0\.0 +0\.0 +26\.7 +0\.0 /);
  assert.match(lines[5] ?? "", /^db +900 +- +- +- +- +- +- +█$/);
  assert.match(lines[6] ?? "", /^web +400 +50\.0 +10\.0 +0\.0 +0\.0 +40\.0 +0\.0 +█$/);
  assert.match(lines[7] ?? "", /^calm +0 +100\.0 +0\.0 /);
  assert.match(lines.at(-1) ?? "", /^no room for PID, VCPUS, TIME%, AVG ns, P99 ns, MAX ns$/);
  // Sorted by a column for which there was no room.
  for (let i = 0; i < 7; i++) top.key(">");
  assert.match(linesOf(top)[3] ?? "", /▼TIME%/);
  for (const key of ["<", "<"]) top.key(key);
  assert.match(linesOf(top)[3] ?? "", /▼IDLE%/);
  assert.match(linesOf(top)[5] ?? "", /^web /);
  for (const key of ["down", "enter"]) top.key(key);
  assert.match(linesOf(top)[5] ?? "", /^vCPU 1 +100 +30\.0 .* 70\.0 /);
  for (const key of ["down", "enter"]) top.key(key);
  assert.equal(linesOf(top)[2], "guest 30.0%  kvm 0.0%  vmm 0.0%  poll 0.0%  idle 70.0%  waiting 0.0%");
  assert.match(linesOf(top)[3] ?? "", /▼EXITS/, "reasons have no share of idle");
  for (const key of ["w", "enter"]) top.key(key);
  assert.deepEqual([...(written.at(-1)?.happened.split?.clocks.keys() ?? [])], ["web:1"]);
});

/** A reading in which a vCPU of web read MSRs: how often which. */
function msrs(number: number, counts: Readonly<Record<string, number>>): Both {
  const sum = Object.values(counts).reduce((a, b) => a + b, 0);
  const exits = exitsAt(number, [
    { vm: "web", vcpu: 0, reason: CPUID, count: 5, ns: 1000 },
    { vm: "web", vcpu: 0, reason: MSR, count: sum, ns: 1000 },
  ]);
  const sample = sampleAt(exits.exits, "web:0", sampleKey(SVM, MSR), "svm", MSR);
  for (const [msr, count] of Object.entries(counts)) {
    const { l1 } = detailAt(sample, msr, BigInt(msr));
    Object.assign(l1, { count, timed: count, totalNs: count * 1000, maxNs: 1000 });
    l1.buckets.push(...Array<number>(37).fill(0), count);
  }
  return { exits, split: undefined };
}

test("a reason leads to its details, with the histogram of the one that the cursor is on, and each to its times", () => {
  const top = screen(true);
  top.take(msrs(1, { "0x10": 300, "0x1b": 20 }));
  top.take(msrs(2, { "0x10": 330, "0x1b": 27 }));
  for (const key of ["down", "enter", "down", "enter", "down", "enter"]) top.key(key);
  const lines = linesOf(top);
  assert.match(lines[1] ?? "", /vCPU 0 > MSR {2}/);
  assert.match(lines[4] ?? "", /^all MSR +37 /);
  assert.match(lines[5] ?? "", /^read IA32_TIME_STAMP_COUNTER \(0x10\) +30 .*█$/, lines.join("\n"));
  assert.match(lines[6] ?? "", /^read IA32_APIC_BASE \(0x1b\) +7 /);
  assert.match(lines[8] ?? "", /^exits 37 {2}a second 37 /);
  assert.match(lines[9] ?? "", /^P50 \d+ ns {2}P90 /);
  assert.ok(lines.some((line) => / : 37 +\|\*+\|$/.test(line)));
  for (const key of ["down", "down"]) top.key(key);
  assert.match(linesOf(top)[8] ?? "", /^exits 7 /);
  for (const key of ["f", "A", "P", "I", "c", "enter"]) top.key(key);
  assert.match(linesOf(top)[1] ?? "", /detail: APIc/);
  assert.match(linesOf(top)[4] ?? "", /^all MSR +7 /);
  for (const key of ["w", "enter"]) top.key(key);
  const { happened, chosen } = written.at(-1) ?? {};
  assert.equal(chosen?.details, true);
  const samples = [...(happened?.exits.exits.get("web:0")?.values() ?? [])];
  assert.deepEqual(
    samples.map(({ reason, l1, details }) => [reason, l1.count, [...(details?.keys() ?? [])]]),
    [[MSR, 7, ["0x1b"]]],
  );
  top.key("enter");
  assert.match(linesOf(top)[1] ?? "", /> MSR > read IA32_APIC_BASE/);
  assert.match(linesOf(top)[3] ?? "", /^exits 7 /);
  top.take(msrs(3, { "0x10": 330, "0x1b": 30 }));
  assert.match(linesOf(top)[3] ?? "", /^exits 3 /);
  top.key("left");
  assert.match(linesOf(top)[5] ?? "", /^read IA32_APIC_BASE \(0x1b\) +3 /);
  for (const key of ["left", "left"]) top.key(key);
  assert.match(linesOf(top)[4] ?? "", /^all vCPUs +3 /);
});

test("in 8 rows of 40 columns there are rows, in order, and help that goes on", () => {
  const top = screen(true);
  top.take(reading(1, WEB));
  const lines = linesOf(top, 40, 8);
  assert.equal(lines[0], "every 1 s: 1300 exits/s, ..");
  assert.match(lines[2] ?? "", /^NAME +▼EXITS\/s +TIME%/);
  assert.match(lines[4] ?? "", /^db +900 /);
  assert.match(lines[7] ?? "", /^no room for .*, \.\.$/);
  assert.ok(
    lines.every((line) => line.length <= 40),
    lines.join("\n"),
  );
  const seen = new Set<string>();
  top.key("?");
  for (let i = 0; i < 12; i++) {
    for (const line of linesOf(top, 40, 8)) seen.add(line);
    top.key("pagedown");
  }
  for (const { label } of KEYS) assert.ok([...seen].join("\n").includes(label), label);
  top.key("x");
  assert.equal(linesOf(top, 40, 8)[0], lines[0]);
});

test("VMs of the same name are told apart", () => {
  const top = screen();
  const twice = exitsAt(1, WEB);
  const [web, twin] = ["web:0", "twin:0"].map((key) => identity(key));
  const samples = twice.exits.get("web:0");
  assert.ok(web?.vm && twin?.vm && samples);
  const renamed = { ...twin, vm: { ...twin.vm, name: "web" } };
  const exits = {
    ...twice,
    vcpus: new Map([...twice.vcpus, ["twin:0", renamed]]),
    exits: new Map([...twice.exits, ["twin:0", samples]]),
  };
  top.take({ exits, split: undefined });
  assert.match(linesOf(top).join("\n"), new RegExp(`^web \\(${web.vm.pid}\\) `, "m"));
  assert.match(linesOf(top).join("\n"), new RegExp(`^web \\(${twin.vm.pid}\\) `, "m"));
});

test("filters leave VMs and reasons out, of sums too; c clears them", () => {
  const top = screen();
  top.take(reading(1, WEB));
  for (const key of ["g", "w", "E", "enter"]) top.key(key);
  assert.match(linesOf(top)[1] ?? "", /VM: wE/);
  assert.match(linesOf(top)[4] ?? "", /^all VMs +2 +400 /);
  for (const key of ["f", "m", "s", "*", "enter"]) top.key(key);
  assert.match(linesOf(top)[4] ?? "", /^all VMs +0 +0 /);
  top.key("c");
  assert.match(linesOf(top)[4] ?? "", /^all VMs +3 +1300 /);
  for (const key of ["g", "x", "escape"]) top.key(key);
  assert.match(linesOf(top)[4] ?? "", /^all VMs +3 +1300 /);
});

test("L2's exits get a column once there are some", () => {
  const top = screen();
  top.take(reading(1, WEB));
  assert.doesNotMatch(linesOf(top)[3] ?? "", /L2/);
  top.take(reading(2, [...WEB, { vm: "nest", vcpu: 0, reason: CPUID, count: 50, ns: 10, l2: 20 }]));
  assert.match(linesOf(top)[3] ?? "", /L2\/s/);
  assert.match(linesOf(top, 120).find((line) => line.startsWith("nest")) ?? "", /^nest +\d+ +1 +50 +20 /);
});

test("an interval is checked; w writes the table's part of what happened, with what was chosen", () => {
  const top = screen();
  top.take(reading(1, WEB));
  for (const key of ["s", "kill", "0", "enter"]) top.key(key);
  assert.match(
    linesOf(top).at(-1) ?? "",
    /^Seconds between updates: 0 {2}\(seconds are from 0\.1 to 3600, not "0"\)$/,
  );
  for (const key of ["kill", "2", "enter"]) top.key(key);
  assert.equal(top.seconds, 2);
  for (const key of ["g", "w", "e", "b", "enter", "w", "enter"]) top.key(key);
  assert.match(linesOf(top).at(-1) ?? "", /^added to kvm-vmexit-top\.jsonl$/);
  const line = written.at(-1);
  assert.ok(line);
  const { chosen, happened } = line;
  const { exits: interval } = happened;
  assert.deepEqual(chosen, { idle: "hide", vm: "web", details: false });
  assert.deepEqual([...interval.exits.keys()], ["web:0", "web:1"]);
  const reasons = [...(interval.exits.get("web:1") ?? [])].map(([, { reason }]) => reason);
  assert.deepEqual(reasons, [CPUID]);
});

test("what was lost stays in sight", () => {
  const top = screen();
  top.take(reading(1, WEB, { ...NOTHING_LOST, recordsFull: 3 }));
  top.take(reading(2, WEB, { ...NOTHING_LOST, recordsFull: 3 }));
  assert.match(linesOf(top)[2] ?? "", /^Lost: 3 exits/);
});

test("a thousand VMs with hostile, long and wide names stay within any terminal, and the cursor in sight", () => {
  const many = Array.from({ length: 1000 }, (_, i) => ({
    vm:
      i % 3 === 0
        ? `\u001b[31m${i}\u202e`
        : i % 3 === 1
          ? `日本語の名前がとても長い仮想機械${i}`
          : `vm${i}`.repeat(20),
    vcpu: 0,
    reason: CPUID,
    count: 1 + i,
    ns: 10,
  }));
  const top = screen();
  top.take(reading(1, many));
  const width = (text: string) =>
    Array.from(text).reduce((sum, letter) => sum + (letter > "\u2fff" ? 2 : 1), 0);
  for (const [columns, rows] of [
    [20, 6],
    [80, 24],
    [120, 40],
    [200, 60],
  ] as const) {
    for (const key of ["end", "pageup", "down", "home", "pagedown"]) {
      top.key(key);
      const { pieces } = top.frame({ columns, rows });
      assert.ok(pieces.every(({ row, column }) => row < rows && column < columns));
      for (const { text } of pieces) assert.ok(width(text) <= columns || text.startsWith("rows "), text);
      assert.ok(
        pieces.some(({ style, row }) => style === "standout" && row >= 3 && row < rows),
        key,
      );
      // eslint-disable-next-line no-control-regex -- control characters are what this looks for
      assert.ok(pieces.every(({ text }) => !/[\u0000-\u001f\u202e]/.test(text)));
    }
  }
});

test("each key is one command's", () => {
  const keys = KEYS.flatMap((known) => known.keys);
  assert.equal(new Set(keys).size, keys.length);
});

test("a help that any key ends; q ends the screen", () => {
  const top = screen();
  assert.match(linesOf(top).join("\n"), /Counting\.\.\./);
  top.key("?");
  const help = linesOf(top, 80, 24);
  for (const { meaning } of KEYS)
    assert.ok(
      help.some((line) => line.endsWith(meaning)),
      meaning,
    );
  assert.ok(help.every((line) => line.length <= 80));
  top.key("x");
  assert.match(linesOf(top)[0] ?? "", /^kvm-vmexit top/);
  assert.equal(top.key("q"), false);
});

test("numbers in few characters, texts in as many as there are, histories by their highest value", () => {
  assert.deepEqual(
    [0, 3.14, 12.6, 999_999, 12_345_678, 2.5e12].map((n) => short(n, 6)),
    ["0", "3.1", "13", "999999", "12.3M", "2.5T"],
  );
  assert.deepEqual(
    [fill("abc", 5), fill("abc", 5, "right"), fill("abcdef", 5), fill("日本語", 5)],
    ["abc  ", "  abc", "abc..", "日.. "],
  );
  assert.equal(sparkline([0, 1, 4, 8], 6, true), "   ▂▅█");
  assert.equal(sparkline([1, 2], 1, false), "#");
});

test("the state is in the first line at 80 columns, whatever the numbers", () => {
  const top = screen();
  top.take(reading(1, [{ vm: "web", vcpu: 0, reason: CPUID, count: 9_999_999_999, ns: 1000 }]));
  top.key(" ");
  assert.match(linesOf(top)[0] ?? "", /- PAUSED, every 1 s: 10\.0G exits\/s, .* of a CPU$/);
  assert.equal(top.paused, true);
});

test("the next reading is due an interval after the last one was, or after it was shown where that took longer", () => {
  assert.equal(nextDue(5000, 1000, 5400), 6000);
  assert.equal(nextDue(5000, 1000, 6000), 7000);
  assert.equal(nextDue(5000, 1000, 6700), 7700);
});
