// Counts from a made-up debugfs: per VM by exact pid, in sum, by guest, from the start or from the beginning.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
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
      writeFileSync(join(this.path, field), "0\n");
    }
  }

  end(machine: string): void {
    rmSync(join(this.path, machine), { recursive: true });
  }
}

interface Settings {
  pid?: number;
  past?: boolean;
  wanted?: FieldFilter;
}

function open(
  folder: Folder,
  { pid = 0, past = false, wanted = () => true }: Settings = {},
): DebugfsProvider {
  const source = {
    folder: folder.path,
    processOf: (id: number) => (id === 1001 ? 12 : id),
    includePast: past,
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
