// SPDX-License-Identifier: MIT
// The table of where vCPUs' time went: order, rows that are summed, columns that fit the terminal.
import assert from "node:assert/strict";
import test from "node:test";
import type { Activity } from "../../src/contract";
import type { Vm } from "../../src/host/vm";
import { type SplitTable, splitTable } from "../../src/render/split";
import { makeClock } from "../../src/split/clock";
import type { SplitGroup } from "../../src/split/groups";

const VMS = new Map<string, Vm>();

/** A vCPU of a VM of this name, with ms of activities. */
function group(name: string, vcpu: number, ms: Partial<Record<Activity, number>>, exits: number): SplitGroup {
  const clock = makeClock(
    (activity) => 1e6 * (ms[activity] ?? 0),
    (count) => (count === "exits" ? exits : 0),
    () => 1e6,
    [],
  );
  const vm: Vm = VMS.get(name) ?? { name, pid: 4242 + VMS.size, startNs: 1, source: "qemu" };
  VMS.set(name, vm);
  return { vm, vcpu, vcpus: 1, clock };
}

const GROUPS = [
  group("web", 0, { guest: 500, waiting: 500 }, 7),
  group("web", 1, { guest: 100, idle: 900 }, 900),
  group("日本語", 0, { guest: 700, waiting: 300 }, 30),
];
const FORM: SplitTable = {
  durationNs: 1e9,
  wide: false,
  unit: "us",
  heading: true,
  room: undefined,
  sort: "name",
  top: undefined,
};
const rows = (form: Partial<SplitTable>) =>
  splitTable(GROUPS, { ...FORM, ...form, heading: false }).map((line) =>
    line.split(/ +/).slice(0, 3).join(" "),
  );

test("rows are by name, by a part's share or by exits, and the rest is one row", () => {
  assert.deepEqual(rows({}), ["web 0 50.0%", "web 1 10.0%", "日本語 0 70.0%"]);
  assert.deepEqual(rows({ sort: "guest" }), ["日本語 0 70.0%", "web 0 50.0%", "web 1 10.0%"]);
  assert.deepEqual(rows({ sort: "exits" }), ["web 1 10.0%", "日本語 0 70.0%", "web 0 50.0%"]);
  assert.deepEqual(rows({ sort: "waiting", top: 1 }), ["web 0 50.0%", "2 others 40.0%"]);
});

test("a wide table fits the terminal and names what it leaves out; headings name the unit of times", () => {
  const wide = (room?: number) => splitTable(GROUPS, { ...FORM, wide: true, room });
  assert.match(wide()[0] ?? "", /idle max us wait max us wait P50 us wait P99 us wait P99\.9 us$/);
  assert.equal(wide().length, 4);
  for (const room of [80, 120, 160])
    for (const line of wide(room).slice(0, 4)) assert.ok(line.length <= room, line);
  assert.match(wide(120)[0] ?? "", /wait max us/);
  assert.match(wide(120).at(-1) ?? "", /^No room for .*CPU moves, .*wait P99\.9 us$/);
});

test("bars begin in one column, whatever the names", () => {
  const lines = splitTable(GROUPS, { ...FORM, room: 120 });
  assert.match(lines[1] ?? "", /^web .* {2}G+W+$/);
  // Three characters of the name take two columns each.
  assert.equal((lines[1] ?? "").indexOf("  G"), (lines[3] ?? "").indexOf("  G") + 3);
});
