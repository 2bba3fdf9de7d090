// SPDX-License-Identifier: MIT
// Counts from a made-up debugfs: per VM by exact pid, in sum, by guest, from the start or from the beginning.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { ToolError } from "../../src/errors";
import { DebugfsProvider } from "../../src/stat/debugfs";
import type { Counts } from "../../src/stat/keys";
import type { FieldFilter } from "../../src/stat/provider";

class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "debugfs-"));

  /** Sets counters of a VM, which KVM shows in sum at the top too. */
  set(machine: string, counters: Record<string, number | string>): void {
    mkdirSync(join(this.path, machine, "vcpu0"), { recursive: true });
    for (const [field, value] of Object.entries(counters)) {
      writeFileSync(join(this.path, machine, field), `${value}\n`);
      if (!existsSync(join(this.path, field))) this.sum(field, 0);
    }
  }

  /** Sets KVM's own sum of a counter. */
  sum(field: string, value: number): void {
    writeFileSync(join(this.path, field), `${value}\n`);
  }

  /** Makes a counter one that can't be read, by root neither: the memory of a process at address 0. */
  close(...parts: string[]): void {
    rmSync(join(this.path, ...parts), { force: true });
    symlinkSync("/proc/self/mem", join(this.path, ...parts));
  }

  end(machine: string): void {
    rmSync(join(this.path, machine), { recursive: true });
  }
}

interface Settings {
  pid?: number;
  past?: boolean;
  wanted?: FieldFilter;
  alone?: boolean;
  /** The file descriptors of processes' VMs; by default those that the folders say. */
  vms?: Record<number, number[]>;
}

// 1001 and 1002 are threads of processes 12 and 13.
const PROCESS_OF = new Map([
  [1001, 12],
  [1002, 13],
]);
const ENDED = 999;

function open(
  folder: Folder,
  { pid = 0, past = false, wanted = () => true, alone = true, vms }: Settings = {},
): DebugfsProvider {
  const source = {
    folder: folder.path,
    processes: {
      processOf: (id: number) => (id === ENDED ? undefined : (PROCESS_OF.get(id) ?? id)),
      runsVm: (id: number) => (vms ? id in vms : undefined),
      havingVm: (file: number) =>
        Object.entries(vms ?? {}).flatMap(([id, files]) => (files.includes(file) ? [Number(id)] : [])),
    },
    includePast: past,
    obstacle: ": a test forbids it",
    isAlone: alone,
  };
  return new DebugfsProvider(source, wanted, pid);
}

const plain = (counts: Counts) =>
  Object.fromEntries([...counts].map(([key, { value, delta }]) => [key, [value, delta]]));

test("counts from the start, all VMs in sum, and times are no events", () => {
  const folder = new Folder();
  folder.set("12-5", { exits: 100, halt_wait_ns: 9 });
  folder.set("112-5", { exits: 1000, halt_wait_ns: 9 });
  const provider = open(folder);
  assert.deepEqual(plain(provider.read(false)), { exits: [0, 0] });
  folder.set("12-5", { exits: 101 });
  folder.set("112-5", { exits: 1020 });
  assert.deepEqual(plain(provider.read(false)), { exits: [21, 21] });
  assert.deepEqual(plain(provider.read(false)), { exits: [21, 0] });
  assert.deepEqual(plain(provider.read(true)), { 12: [1, 0], 112: [20, 0] });
});

test("a pid is that pid: 12 isn't 112, and a thread is its process", () => {
  const folder = new Folder();
  folder.set("12-5", { exits: 100 });
  folder.set("12-9", { exits: 10 });
  folder.set("112-5", { exits: 1000 });
  for (const pid of [12, 1001])
    assert.deepEqual(plain(open(folder, { pid, past: true }).read(false)), { exits: [110, 110] });
});

test("a VM that appears counts from its birth, also with the pid and number of one that ended", () => {
  const folder = new Folder();
  folder.set("12-5", { exits: 100 });
  const provider = open(folder);
  folder.set("13-5", { exits: 7 });
  assert.deepEqual(plain(provider.read(false)), { exits: [7, 7] });
  folder.end("12-5");
  assert.deepEqual(plain(provider.read(false)), { exits: [7, 0] });
  folder.set("12-5", { exits: 3 });
  assert.deepEqual(plain(provider.read(false)), { exits: [10, 3] });
});

test("a VM made again in the place of another between two reads counts from its birth", () => {
  const folder = new Folder();
  folder.set("12-5", { exits: 0 });
  const provider = open(folder);
  folder.set("12-5", { exits: 100 });
  provider.read(false);
  // As debugfs does, another folder while the first is still held.
  renameSync(join(folder.path, "12-5"), `${folder.path}-ended`);
  folder.set("12-5", { exits: 40 });
  assert.deepEqual(plain(provider.read(false)), { exits: [40, 40] });
});

test("a VM that ends takes its total along, and no count goes below zero for it", () => {
  const folder = new Folder();
  folder.set("12-5", { exits: 0 });
  folder.set("13-5", { exits: 0 });
  const provider = open(folder);
  folder.set("12-5", { exits: 50 });
  folder.set("13-5", { exits: 5 });
  provider.read(false);
  folder.set("13-5", { exits: 6 });
  folder.end("12-5");
  assert.deepEqual(plain(provider.read(false)), { exits: [6, 1] });
});

test("a process that is followed keeps its last totals when its VM is gone", () => {
  const folder = new Folder();
  folder.set("12-5", { exits: 0 });
  const provider = open(folder, { pid: 12 });
  folder.set("12-5", { exits: 50 });
  provider.read(false);
  folder.end("12-5");
  assert.deepEqual(plain(provider.read(false)), { exits: [50, 0] });
  folder.set("12-6", { exits: 3 });
  assert.deepEqual(plain(provider.read(false)), { exits: [3, 3] });
  provider.setPid(0);
  folder.end("12-6");
  assert.deepEqual(plain(provider.read(false)), { exits: [0, 0] });
});

test("a counter that is gone before its VM is keeps what it had", () => {
  const folder = new Folder();
  folder.set("12-5", { exits: 100, halt_exits: 10 });
  const provider = open(folder, { pid: 12, past: true });
  provider.read(false);
  folder.set("12-5", { exits: 101 });
  rmSync(join(folder.path, "12-5", "halt_exits"));
  assert.deepEqual(plain(provider.read(false)), { exits: [101, 1], halt_exits: [10, 0] });
  folder.end("12-5");
  assert.deepEqual(plain(provider.read(false)), { exits: [101, 0], halt_exits: [10, 0] });
});

test("without a VM every field is there and counts nothing", () => {
  const folder = new Folder();
  folder.set("12-5", { exits: 100 });
  folder.end("12-5");
  assert.deepEqual(plain(open(folder).read(false)), { exits: [0, 0] });
});

test("the past is included if asked for, and a reset forgets it", () => {
  const folder = new Folder();
  folder.set("12-5", { exits: 100 });
  const provider = open(folder, { past: true });
  assert.deepEqual(plain(provider.read(false)), { exits: [100, 100] });
  provider.reset();
  assert.deepEqual(plain(provider.read(false)), { exits: [0, 0] });
});

test("another process keeps its total while it isn't shown, and counts no jump when it is again", () => {
  const folder = new Folder();
  folder.set("12-5", { exits: 0 });
  folder.set("13-5", { exits: 0 });
  const provider = open(folder);
  folder.set("12-5", { exits: 5 });
  provider.setPid(13);
  assert.deepEqual(plain(provider.read(false)), { exits: [0, 0] });
  folder.set("12-5", { exits: 8 });
  provider.setPid(0);
  assert.deepEqual(plain(provider.read(false)), { exits: [8, 0] });
});

test("s390's instructions are children, and a filter for one shows their parent", () => {
  const folder = new Folder();
  folder.set("12-5", { exit_instruction: 10, instruction_stsi: 4, exits: 1, odd: "not a number" });
  const provider = open(folder, { past: true, wanted: (field) => field.startsWith("instruction_") });
  assert.deepEqual(plain(provider.read(false)), {
    exit_instruction: [10, 10],
    "instruction_stsi exit_instruction": [4, 4],
  });
  assert.deepEqual(plain(provider.read(true)), { 12: [10, 0] });
  provider.setFilter((field) => field === "odd");
  assert.deepEqual(plain(provider.read(false)), { odd: [0, 0] });
});

test("another filter keeps the totals, and its first difference is that since then", () => {
  for (const past of [true, false]) {
    const folder = new Folder();
    folder.set("12-5", { exits: 100, halts: 40 });
    const provider = open(folder, { past });
    folder.set("12-5", { exits: 107, halts: 45 });
    const before = past ? [100, 40] : [0, 0];
    assert.deepEqual(plain(provider.read(false))["exits"]?.[0], (before[0] ?? 0) + 7);
    provider.setFilter((field) => field === "halts");
    folder.set("12-5", { exits: 110, halts: 47 });
    assert.deepEqual(plain(provider.read(false)), { halts: [(before[1] ?? 0) + 7, 2] });
    provider.setFilter(() => true);
    folder.set("12-5", { exits: 111 });
    assert.deepEqual(plain(provider.read(false)), {
      exits: [(before[0] ?? 0) + 11, 1],
      halts: [(before[1] ?? 0) + 7, 0],
    });
  }
});

test("a VM that a thread made is its process's, by pid, thread's id and guest", () => {
  const folder = new Folder();
  folder.set("1001-5", { exits: 100 });
  folder.set("12-6", { exits: 10 });
  folder.set("1002-5", { exits: 1000 });
  const vms = { 12: [5, 6], 13: [5] };
  for (const pid of [12, 1001])
    assert.deepEqual(plain(open(folder, { pid, past: true, vms }).read(false)), { exits: [110, 110] });
  assert.deepEqual(plain(open(folder, { past: true, vms }).read(true)), { 12: [110, 110], 13: [1000, 1000] });
});

test("a VM whose thread has ended is the one process's that has it, and that of none where two may", () => {
  const folder = new Folder();
  folder.set(`${ENDED}-5`, { exits: 100 });
  folder.set("1002-5", { exits: 7 });
  const read = (vms: Record<number, number[]>) =>
    plain(open(folder, { pid: 12, past: true, vms }).read(false));
  assert.deepEqual(read({ 12: [5], 13: [5] }), { exits: [100, 100] });
  assert.deepEqual(read({ 12: [5], 13: [5], 14: [5] }), {}, "no number that may be another's");
});

test("a thread's id that another process has now doesn't make the VM that process's", () => {
  const folder = new Folder();
  folder.set("77-5", { exits: 100 });
  assert.deepEqual(plain(open(folder, { pid: 12, past: true, vms: { 12: [5] } }).read(false)), {
    exits: [100, 100],
  });
});

test("a process whose VM has no folder counts nothing, which isn't 0", () => {
  const folder = new Folder();
  folder.set("13-5", { exits: 100 });
  const provider = open(folder, { pid: 12, past: true, vms: { 12: [5], 13: [5] } });
  assert.deepEqual(plain(provider.read(false)), {});
  assert.deepEqual(provider.losses(), [
    "process 12 runs a VM that has no folder in debugfs, which is not counted",
  ]);
});

test("VMs without a folder count in the sum, which is KVM's own", () => {
  const folder = new Folder();
  folder.set("12-5", { exits: 100, halts: 3 });
  folder.sum("exits", 6122);
  folder.sum("halts", 3);
  assert.deepEqual(plain(open(folder, { past: true }).read(false)), { exits: [6122, 6122], halts: [3, 3] });
  const provider = open(folder);
  assert.deepEqual(plain(provider.read(false)), { exits: [0, 0], halts: [0, 0] });
  folder.set("12-5", { exits: 110 });
  folder.sum("exits", 6137);
  assert.deepEqual(plain(provider.read(false)), { exits: [15, 15], halts: [0, 0] });
  assert.deepEqual(provider.losses(), [
    "VMs without a folder in debugfs count in the sum of all VMs, and not in that of a process or guest",
  ]);
  // The VM with a folder is ending: its folder is gone, and its counts still are in KVM's sums.
  folder.end("12-5");
  assert.deepEqual(plain(provider.read(false)), { exits: [5, 0], halts: [0, 0] });
  folder.sum("exits", 6030);
  folder.sum("halts", 0);
  assert.deepEqual(plain(provider.read(false)), { exits: [8, 0], halts: [0, 0] });
  folder.sum("exits", 6031);
  assert.deepEqual(plain(provider.read(false)), { exits: [9, 1], halts: [0, 0] });
  folder.sum("exits", 0);
  assert.equal(plain(provider.read(false))["exits"]?.[1], 0, "one that ends takes its total along");
});

test("a VM without a folder that starts later counts from its birth", () => {
  const folder = new Folder();
  folder.set("12-5", { exits: 100 });
  folder.sum("exits", 100);
  const provider = open(folder);
  folder.sum("exits", 142);
  assert.deepEqual(plain(provider.read(false)), { exits: [42, 42] });
  assert.deepEqual(plain(provider.read(true)), { 12: [0, 0] });
  assert.equal(provider.losses().length, 1);
});

test("that there are VMs without a folder is told where a process or guests are shown, too", () => {
  for (const byGuest of [false, true]) {
    const folder = new Folder();
    folder.set("12-5", { exits: 100, halts: 1 });
    folder.set("13-5", { exits: 7, halts: 1 });
    const provider = open(folder, {
      pid: byGuest ? 0 : 12,
      past: true,
      wanted: (field) => field === "halts",
    });
    folder.sum("exits", 107);
    provider.read(byGuest);
    assert.deepEqual(provider.losses(), []);
    folder.sum("exits", 108);
    provider.read(byGuest);
    assert.equal(provider.losses().length, 1);
  }
});

test("a counter that can't be read is an error if nothing else is counted, else it is left out and told", () => {
  const folder = new Folder();
  folder.set("12-5", { exits: 100, halts: 3, open: 5 });
  folder.sum("open", 5);
  for (const field of ["exits", "halts"]) folder.close(field);
  assert.throws(
    () => open(folder),
    new ToolError(
      "2 counters in debugfs, such as exits, can't be read: a test forbids it; count tracepoints instead (-t), " +
        "or other fields (-f)",
    ),
  );
  assert.deepEqual(plain(open(folder, { past: true, wanted: (field) => field === "open" }).read(false)), {
    open: [5, 5],
  });
  const provider = open(folder, { past: true, alone: false });
  assert.deepEqual(plain(provider.read(false)), { open: [5, 5] });
  assert.deepEqual(provider.losses(), [
    "2 counters in debugfs, such as exits, can't be read, and are left out: a test forbids it",
  ]);
});

test("a counter that is closed while it is counted ends the run, or is left out from then on", () => {
  for (const alone of [true, false]) {
    const folder = new Folder();
    folder.set("12-5", { exits: 100, open: 5 });
    const provider = open(folder, { past: true, alone, pid: 12 });
    provider.read(false);
    folder.close("12-5", "exits");
    if (alone) assert.throws(() => provider.read(false), ToolError);
    else assert.deepEqual(plain(provider.read(false)), { open: [5, 0] });
  }
});
