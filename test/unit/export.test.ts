// SPDX-License-Identifier: MIT
// What is exported of snapshots, as text.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { ACTIVITIES, type Activity, BUCKETS, ISA } from "../../src/contract";
import { bucketStart } from "../../src/measure/histogram";
import { NOTHING_LOST } from "../../src/measure/lost";
import type { SplitSnapshot } from "../../src/native/split";
import type { Snapshot } from "../../src/native/vmexit";
import { BOUNDS, BUCKET_COUNT, BUCKET_OF } from "../../src/export/bounds";
import { detailWords } from "../../src/export/detail-words";
import { Families } from "../../src/export/families";
import {
  type Counted,
  Fleet,
  type FleetOptions,
  MAX_DETAILS,
  MIN_SERIES,
  type Names,
  type Snapshots,
} from "../../src/export/fleet";
import { type TextFormat, boundLabel, exposition } from "../../src/export/text";
import type { Vm } from "../../src/host/vm";
import { PROJECT } from "../tools";
import { type Slot, type Vcpu, snapshot } from "./snapshots";

const START = Date.UTC(2026, 0, 1);
const HLT = 0x78;
const MSR = 0x7c;
const CPUID = 0x72;
const IOIO = 0x7b;
const NPF = 0x400;

/** Processes of VMs, by pid; those that have ended are in `gone`. */
class Processes implements Names {
  readonly gone = new Set<number>();
  readonly #vms: Readonly<Record<number, Partial<Vm>>>;

  constructor(vms: Readonly<Record<number, Partial<Vm>>> = {}) {
    this.#vms = vms;
  }

  of(pid: number, startNs: number, comm: string): Vm {
    return { pid, startNs, name: comm, source: "qemu", ...this.#vms[pid] };
  }

  runs({ pid }: Vm): boolean {
    return !this.gone.has(pid);
  }
}

class Exporter {
  readonly processes: Processes;
  readonly #fleet: Fleet;
  readonly #families: Families;
  #now = START;

  constructor(options: Partial<FleetOptions> = {}, vms: Readonly<Record<number, Partial<Vm>>> = {}) {
    this.processes = new Processes(vms);
    const { histograms = "host", maxSeries = 100_000 } = options;
    this.#fleet = new Fleet(this.processes, { ...options, histograms, maxSeries }, START);
    this.#families = new Families(START, { histograms: histograms !== "none" });
  }

  readAll(snapshots: Snapshots): Counted {
    return this.#fleet.read(snapshots, "a", (this.#now += 1000));
  }

  look(vcpus: readonly Vcpu[], slots: readonly Slot[]): boolean {
    return this.#fleet.look({ exits: snapshot(vcpus, slots) }, (this.#now += 1000));
  }

  read(vcpus: readonly Vcpu[], slots: readonly Slot[], scraper = "a", waitMs = 1000): Counted {
    return this.#fleet.read({ exits: snapshot(vcpus, slots) }, scraper, (this.#now += waitMs));
  }

  text(counted: Counted, format: TextFormat = "prometheus", lost = NOTHING_LOST): string {
    const families = this.#families.of({
      counted,
      lost,
      start: START,
      host: [["version", "1.2.3"]],
      process: { cpuSeconds: 0.25, residentBytes: 1024 },
      mapBytes: 4096,
      programs: [],
      pushes: {},
    });
    return exposition(families, format).toString();
  }

  /** The lines of a scrape that contain a word. */
  lines(word: string, vcpus: readonly Vcpu[], slots: readonly Slot[], scraper = "a"): string[] {
    return this.text(this.read(vcpus, slots, scraper))
      .split("\n")
      .filter((line) => line.includes(word) && !line.startsWith("#"));
  }
}

const exits = (counted: Counted) =>
  Array.from(counted.rows, ({ labels, all }) => [
    labels.pairs.map(([, value]) => value).join(" "),
    all.exits,
  ]);

test("the text of a scrape in Prometheus's format", () => {
  const exporter = new Exporter({}, { 41: { name: "web1", uuid: "00000000-0000-0000-0000-000000000001" } });
  const counted = exporter.read(
    [{ pid: 41 }, { pid: 41 }],
    [
      { vcpu: 0, reason: MSR, count: 5, totalNs: 2500, buckets: [[32, 5]] },
      { vcpu: 1, reason: MSR, count: 2, totalNs: 600, buckets: [[28, 2]] },
      { vcpu: 1, reason: MSR, count: 3, totalNs: 9e9, level: 2, buckets: [[128, 3]] },
      { vcpu: 1, reason: HLT, count: 1, timed: 0 },
    ],
  );
  const labels = 'vm="web1",isa="svm",reason="MSR",level=';
  assert.deepEqual(exporter.text(counted, "prometheus", { ...NOTHING_LOST, slotsFull: 7 }).split("\n"), [
    "# HELP kvm_vmexit_exits_total VM exits.",
    "# TYPE kvm_vmexit_exits_total counter",
    `kvm_vmexit_exits_total{${labels}"L1"} 7`,
    `kvm_vmexit_exits_total{${labels}"L2"} 3`,
    'kvm_vmexit_exits_total{vm="web1",isa="svm",reason="HLT",level="L1"} 1',
    "# HELP kvm_vmexit_handling_seconds_total Time from VM exits to the next entries of their vCPUs.",
    "# TYPE kvm_vmexit_handling_seconds_total counter",
    `kvm_vmexit_handling_seconds_total{${labels}"L1"} 0.0000031`,
    `kvm_vmexit_handling_seconds_total{${labels}"L2"} 9`,
    'kvm_vmexit_handling_seconds_total{vm="web1",isa="svm",reason="HLT",level="L1"} 0',
    "# HELP kvm_vmexit_timed_exits_total VM exits that have a handling time: those that an entry followed.",
    "# TYPE kvm_vmexit_timed_exits_total counter",
    `kvm_vmexit_timed_exits_total{${labels}"L1"} 7`,
    `kvm_vmexit_timed_exits_total{${labels}"L2"} 3`,
    'kvm_vmexit_timed_exits_total{vm="web1",isa="svm",reason="HLT",level="L1"} 0',
    "# HELP kvm_vmexit_handling_time_seconds Handling times of VM exits, from the exit to the next entry.",
    "# TYPE kvm_vmexit_handling_time_seconds histogram",
    ...histogram(
      'isa="svm",reason="MSR",level="L1"',
      [0, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
      "0.0000031",
    ),
    ...histogram('isa="svm",reason="MSR",level="L2"', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3], "9"),
    ...histogram('isa="svm",reason="HLT",level="L1"', Array<number>(15).fill(0), "0"),
    "# HELP kvm_vmexit_lost_exits_total VM exits that are missing in the other metrics, by why.",
    "# TYPE kvm_vmexit_lost_exits_total counter",
    ...waysInDocs().map((way) => `kvm_vmexit_lost_exits_total{why="${way}"} ${way === "slots_full" ? 7 : 0}`),
    "# HELP kvm_vmexit_vm_info Who a VM is, by its label vm.",
    "# TYPE kvm_vmexit_vm_info gauge",
    'kvm_vmexit_vm_info{vm="web1",name="web1",pid="41",uuid="00000000-0000-0000-0000-000000000001",source="qemu"} 1',
    "# HELP kvm_vmexit_vms VMs by their series: own, or other for those that are counted together since there are too many.",
    "# TYPE kvm_vmexit_vms gauge",
    'kvm_vmexit_vms{series="own"} 1',
    'kvm_vmexit_vms{series="other"} 0',
    "# HELP kvm_vmexit_vcpus vCPUs that are counted.",
    "# TYPE kvm_vmexit_vcpus gauge",
    "kvm_vmexit_vcpus 2",
    "# HELP kvm_vmexit_host_info What is exported, and of what host.",
    "# TYPE kvm_vmexit_host_info gauge",
    'kvm_vmexit_host_info{version="1.2.3"} 1',
    "# HELP kvm_vmexit_map_bytes Memory that the kernel set aside to count in.",
    "# TYPE kvm_vmexit_map_bytes gauge",
    "kvm_vmexit_map_bytes 4096",
    "# HELP process_cpu_seconds_total CPU time of the exporter.",
    "# TYPE process_cpu_seconds_total counter",
    "process_cpu_seconds_total 0.25",
    "# HELP process_resident_memory_bytes Memory of the exporter.",
    "# TYPE process_resident_memory_bytes gauge",
    "process_resident_memory_bytes 1024",
    "# HELP process_start_time_seconds When the exporter began to count, in seconds since 1970.",
    "# TYPE process_start_time_seconds gauge",
    `process_start_time_seconds ${START / 1000}`,
    "",
  ]);
});

/** The labels of ways of loss that docs/export.md has. */
function waysInDocs(): readonly string[] {
  const page = readFileSync(join(PROJECT, "docs", "export.md"), "utf8");
  const [, ways = ""] = /^\| `kvm_vmexit_lost_exits_total` \|.*\| why: (.*) \| \d+ \|$/m.exec(page) ?? [];
  return ways.split(", ");
}

test("docs/export.md has each way of loss that is exported", () => {
  const text = new Exporter().lines("lost_exits_total{", [], []).join("\n");
  const ways = [...text.matchAll(/why="(\w+)"/g)].map(([, way = ""]) => way);
  assert.ok(ways.length > 0);
  const row = `| why: ${ways.join(", ")} | ${ways.length} |`;
  const page = readFileSync(join(PROJECT, "docs", "export.md"), "utf8");
  assert.ok(page.includes(row), `docs/export.md has no row that ends with ${row}`);
});

function histogram(labels: string, cumulative: readonly number[], sum: string): string[] {
  const ends = [...BOUNDS.map(boundLabel), "+Inf"];
  return [
    ...ends.map(
      (le, i) => `kvm_vmexit_handling_time_seconds_bucket{${labels},le="${le}"} ${cumulative[i] ?? -1}`,
    ),
    `kvm_vmexit_handling_time_seconds_sum{${labels}} ${sum}`,
    `kvm_vmexit_handling_time_seconds_count{${labels}} ${cumulative.at(-1) ?? -1}`,
  ];
}

test("OpenMetrics names families without what their samples end with, says units and where it ends", () => {
  const exporter = new Exporter();
  const text = exporter.text(
    exporter.read([{ pid: 41 }], [{ vcpu: 0, reason: MSR, count: 5 }]),
    "openmetrics",
  );
  for (const line of [
    "# TYPE kvm_vmexit_exits counter",
    'kvm_vmexit_exits_total{vm="vm1",isa="svm",reason="MSR",level="L1"} 5',
    "# TYPE kvm_vmexit_handling_seconds counter",
    "# UNIT kvm_vmexit_handling_seconds seconds",
    "# TYPE kvm_vmexit_vm info",
    'kvm_vmexit_vm_info{vm="vm1",name="vm1",pid="41",source="qemu"} 1',
    "# UNIT process_resident_memory_bytes bytes",
  ])
    assert.ok(text.split("\n").includes(line), line);
  assert.match(text, /\n# EOF\n$/);
});

test("bounds are labels as Go prints them", () => {
  const of = (bound: number) => boundLabel(bound);
  assert.deepEqual([256e-9, 16384e-9, 0.000262144, 0.5, 17.179869184, 1e21].map(of), [
    "2.56e-07",
    "1.6384e-05",
    "0.000262144",
    "0.5",
    "17.179869184",
    "1e+21",
  ]);
});

test("each of the kernel's buckets is within one that is exported", () => {
  for (let bucket = 0; bucket + 1 < BUCKETS; bucket++) {
    const exported = BUCKET_OF[bucket] ?? -1;
    const [low, high] = [BOUNDS[exported - 1] ?? 0, BOUNDS[exported] ?? Infinity];
    assert.ok(low <= bucketStart(bucket) / 1e9 && bucketStart(bucket + 1) / 1e9 <= high, String(bucket));
  }
  assert.equal(BUCKET_OF.at(-1), BUCKET_COUNT - 1);
});

test("a vCPU that ended stays in its VM's counters, and in the host's", () => {
  const exporter = new Exporter();
  const slot = (vcpu: number, count: number) =>
    ({ vcpu, reason: MSR, count, buckets: [[30, count]] }) as const;
  exporter.read([{ pid: 41 }, { pid: 41 }], [slot(0, 5), slot(1, 11)]);
  const ending = exporter.read([{ pid: 41 }, { pid: 41, ended: true }], [slot(0, 7), slot(1, 13)]);
  assert.deepEqual(exits(ending), [["vm1 svm MSR L1", 20]]);
  const after = exporter.read([{ pid: 41 }], [slot(0, 7)]);
  assert.deepEqual(exits(after), [["vm1 svm MSR L1", 20]]);
  assert.equal([...(after.hostRows ?? [])][0]?.all.buckets?.[1], 20);
});

test("a VM that ended leaves after one more scrape of each scraper; the host keeps what it counted", () => {
  const exporter = new Exporter();
  const slot = { vcpu: 0, reason: MSR, count: 5, buckets: [[30, 5]] } as const;
  exporter.read([{ pid: 41 }], [slot], "a");
  exporter.read([{ pid: 41 }], [slot], "b");
  exporter.processes.gone.add(41);
  assert.equal(exporter.look([{ pid: 41, ended: true }], [slot]), true);
  assert.deepEqual(exits(exporter.read([], [], "a")), [["vm1 svm MSR L1", 5]]);
  assert.deepEqual(exits(exporter.read([], [], "a")), [["vm1 svm MSR L1", 5]]);
  assert.deepEqual(exits(exporter.read([], [], "b")), [["vm1 svm MSR L1", 5]]);
  const left = exporter.read([], [], "a");
  assert.deepEqual([exits(left), left.vms], [[], []]);
  assert.equal([...(left.hostRows ?? [])][0]?.all.buckets?.[1], 5);
});

test("a scraper that has stayed away for five minutes isn't waited for", () => {
  const exporter = new Exporter();
  const slot = { vcpu: 0, reason: MSR, count: 5 };
  exporter.read([{ pid: 41 }], [slot], "b");
  exporter.read([{ pid: 41 }], [slot], "a", 300_000);
  exporter.processes.gone.add(41);
  assert.equal(exits(exporter.read([{ pid: 41, ended: true }], [slot], "a")).length, 1);
  assert.equal(exits(exporter.read([], [], "a")).length, 0);
});

test("a VM whose process has no vCPUs for a while keeps its counters", () => {
  const exporter = new Exporter();
  const slot = { vcpu: 0, reason: MSR, count: 5 };
  exporter.read([{ pid: 41, ended: true }], [slot]);
  for (let i = 0; i < 3; i++) assert.deepEqual(exits(exporter.read([], [])), [["vm1 svm MSR L1", 5]]);
  assert.deepEqual(exits(exporter.read([{ pid: 41 }], [slot])), [["vm1 svm MSR L1", 10]]);
});

test("a VM that starts again under its name goes on with its series", () => {
  const exporter = new Exporter({}, { 41: { name: "web1" }, 57: { name: "web1" } });
  const slot = (count: number) => ({ vcpu: 0, reason: MSR, count });
  exporter.read([{ pid: 41 }], [slot(5)]);
  exporter.processes.gone.add(41);
  exporter.look([{ pid: 41, ended: true }], [slot(5)]);
  exporter.look([{ pid: 57 }], [slot(1)]);
  const again = exporter.read([{ pid: 57 }], [slot(3)]);
  assert.deepEqual(exits(again), [["web1 svm MSR L1", 8]]);
  assert.deepEqual(
    again.vms.map(({ text }) => text),
    ['vm="web1",name="web1",pid="57",source="qemu"'],
  );
});

test("VMs of one name, and those without one, have their process ids in the label", () => {
  const web = { name: "web1" };
  const exporter = new Exporter({}, { 41: web, 57: web, 63: { source: "process" }, 71: { name: "other" } });
  const pids = [41, 57, 63, 71];
  const counted = exporter.read(
    pids.map((pid) => ({ pid })),
    pids.map((_, vcpu) => ({ vcpu, reason: MSR, count: 1 })),
  );
  assert.deepEqual(
    exits(counted).map(([labels]) => labels),
    ["web1 svm MSR L1", "web1 (57) svm MSR L1", "vm3 (63) svm MSR L1", "other (71) svm MSR L1"],
  );
});

test("names are cut, escaped and made valid", () => {
  const name = `a"b\\c\nd\u{1f600}\ud800${"x".repeat(300)}`;
  const exporter = new Exporter({}, { 41: { name } });
  const [line = ""] = exporter.lines("_exits_total", [{ pid: 41 }], [{ vcpu: 0, reason: MSR, count: 1 }]);
  const x = "x".repeat(128 - 'a"b\\c\\x0ad\\ud800'.length - 1);
  assert.equal(
    line,
    `kvm_vmexit_exits_total{vm="a\\"b\\\\c\\\\x0ad\u{1f600}\\\\ud800${x}",isa="svm",reason="MSR",level="L1"} 1`,
  );
});

/** As many VMs as a number says, each with one vCPU and one exit of each of some reasons. */
function crowd(vms: number, reasons: readonly number[]): [Vcpu[], Slot[]] {
  const vcpus = Array.from({ length: vms }, (_, i) => ({ pid: 1000 + i, comm: `vm${i}` }));
  return [vcpus, vcpus.flatMap((_, vcpu) => reasons.map((reason) => ({ vcpu, reason, count: 1 })))];
}

const seriesOf = (text: string) =>
  text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;

test("VMs beyond the most series are counted together, for good", () => {
  for (const histograms of ["host", "vm", "none"] as const) {
    const exporter = new Exporter({ histograms, maxSeries: MIN_SERIES + 3000 });
    const counted = exporter.read(...crowd(300, [HLT, MSR]));
    const own = counted.vms.length;
    assert.ok(own > 0 && own < 300);
    assert.equal(counted.others, 300 - own);
    assert.deepEqual(exits(counted).slice(-2), [
      ["other svm HLT L1", 300 - own],
      ["other svm MSR L1", 300 - own],
    ]);
    assert.equal(
      [...counted.rows].reduce((sum, { all }) => sum + all.exits, 0),
      600,
    );
    // Those of its own end; the room is the next one's, and what was counted together stays so.
    const [vcpus, slots] = crowd(300, [HLT, MSR]);
    for (let i = 0; i < own; i++) exporter.processes.gone.add(1000 + i);
    exporter.read(
      vcpus.map((vcpu, i) => ({ ...vcpu, ended: i < own })),
      slots,
    );
    const after = exporter.read(
      [...vcpus.slice(own), { pid: 5000, comm: "new" }],
      [
        ...slots.slice(2 * own).map((slot) => ({ ...slot, vcpu: slot.vcpu - own })),
        { vcpu: 300 - own, reason: MSR, count: 17 },
      ],
    );
    assert.deepEqual(exits(after), [
      ["new svm MSR L1", 17],
      ["other svm HLT L1", 300 - own],
      ["other svm MSR L1", 300 - own],
    ]);
  }
});

test("there are never more series than the most, whatever reasons there are", () => {
  for (const histograms of ["host", "vm", "none"] as const)
    for (const maxSeries of [MIN_SERIES, MIN_SERIES + 3000]) {
      const exporter = new Exporter({ histograms, maxSeries });
      const [vcpus, slots] = crowd(
        200,
        Array.from({ length: 150 }, (_, i) => 0x1000 + i),
      );
      const counted = exporter.read(vcpus, slots);
      assert.ok(seriesOf(exporter.text(counted)) <= maxSeries, `${histograms} ${maxSeries}`);
      assert.equal(
        [...counted.rows].reduce((sum, { all }) => sum + all.exits, 0),
        200 * 150,
      );
    }
});

test("unscraped, VMs that ended give their room to those that come", () => {
  const exporter = new Exporter({ maxSeries: MIN_SERIES + 1000 });
  for (let i = 0; i < 100; i++) {
    exporter.processes.gone.add(1000 + i);
    exporter.look([{ pid: 1000 + i, comm: `vm${i}`, ended: true }], [{ vcpu: 0, reason: CPUID, count: 1 }]);
  }
  const counted = exporter.read([{ pid: 5000, comm: "new" }], [{ vcpu: 0, reason: CPUID, count: 1 }]);
  assert.ok(exits(counted).some(([labels]) => labels === "new svm CPUID L1"));
  assert.equal(counted.others, 0);
});

test("a thousand VMs that come and go take no more series than the most, and lose nothing", () => {
  const [each, rounds, reasons] = [20, 50, [HLT, MSR]];
  // Room for some of the 40 that live, and for all.
  for (const maxSeries of [MIN_SERIES, MIN_SERIES + 10_000]) {
    const exporter = new Exporter({ maxSeries });
    const idsOf = (round: number) =>
      round < 0 || round >= rounds ? [] : Array.from({ length: each }, (_, i) => round * each + i);
    let before = new Map<string, string>();
    let most = 0;
    for (let round = 0; round < rounds + 3; round++) {
      const ended = idsOf(round - 2);
      const ids = [...ended, ...idsOf(round - 1), ...idsOf(round)];
      for (const id of ended) exporter.processes.gone.add(1000 + id);
      const vcpus = ids.map((id) => ({ pid: 1000 + id, comm: `vm${id}`, ended: ended.includes(id) }));
      const slots = ids.flatMap((id, vcpu) =>
        // Its exits of each round that it has been there.
        reasons.map((reason) => {
          const count = 7 * Math.min(2, round - Math.floor(id / each) + 1);
          return { vcpu, reason, count, buckets: [[30, count]] } as const;
        }),
      );
      const counted = exporter.read(vcpus, slots, round % 2 === 0 ? "a" : "b");
      const text = exporter.text(counted);
      assert.ok(seriesOf(text) <= maxSeries);
      most = Math.max(most, counted.vms.length);
      const now = new Map(
        Array.from(text.matchAll(/^(kvm_vmexit_exits_total\{.*\}) (\d+)$/gm), ([, name = "", value = ""]) => [
          name,
          value,
        ]),
      );
      for (const [name, value] of now) assert.ok(Number(before.get(name) ?? 0) <= Number(value), name);
      before = now;
    }
    // Each of two scrapers has seen the last ones once more.
    exporter.read([], [], "a");
    const last = exporter.read([], [], "b");
    assert.deepEqual(last.vms, []);
    // Of those without series of their own, what was counted together stays.
    const others = exits(last).reduce((sum, [, count]) => sum + Number(count), 0);
    assert.equal(others > 0, maxSeries === MIN_SERIES);
    assert.ok(most <= 5 * each);
    const all = Array.from(last.hostRows ?? [], ({ all }) => [...(all.buckets ?? [])]).flat();
    assert.equal(
      all.reduce((sum, count) => sum + count, 0),
      each * rounds * reasons.length * 14,
    );
  }
});

test("nothing new is nothing found by a look", () => {
  const exporter = new Exporter();
  const live: readonly [Vcpu[], Slot[]] = [[{ pid: 41 }], [{ vcpu: 0, reason: MSR, count: 5 }]];
  assert.deepEqual([exporter.look(...live), exporter.look(...live)], [true, false]);
});

test("what a fleet reads is left as it was", () => {
  const taken: Snapshot = snapshot([{ pid: 41 }], [{ vcpu: 0, reason: MSR, count: 5 }]);
  const fleet = new Fleet(new Processes(), { histograms: "host", maxSeries: 10_000 }, START);
  const first = exits(fleet.read({ exits: taken }, "a", START + 1));
  assert.deepEqual(exits(fleet.read({ exits: taken }, "a", START + 2)), first);
});

/** Returns to the VMM, of these vCPUs. */
function returns(vcpus: readonly Vcpu[], slots: readonly Slot[]): Snapshot {
  const made = snapshot(vcpus, slots);
  made.slots.isa.fill(ISA.kvm_run);
  return made;
}

/** The time of vCPUs, each with ns of activities. */
function split(vcpus: readonly Vcpu[], ns: readonly Partial<Record<Activity, number>>[]): SplitSnapshot {
  const zeros = new Float64Array(vcpus.length);
  return {
    atNs: 0,
    vcpus: snapshot(vcpus, []).vcpus,
    clocks: {
      ns: Float64Array.from(ns.flatMap((each) => ACTIVITIES.map((activity) => each[activity] ?? 0))),
      ...{ exits: zeros, returns: zeros, wakeups: zeros, migrations: zeros },
      ...{ maxWaitNs: zeros, maxIdleNs: zeros },
    },
    waits: { vcpu: new Uint32Array(), bucket: new Uint8Array(), count: new Float64Array() },
    recordsFull: 0,
    missedEvents: 0,
  };
}

/** The lines of a family's series. */
const linesOf = (text: string, name: string) =>
  text.split("\n").filter((line) => line.startsWith(`${name}{`));

test("returns to the VMM are by VM and reason, and go on when a vCPU has ended", () => {
  const exporter = new Exporter({ returns: true });
  const [io, error] = [2, 2 ** 32 - 4];
  const of = (ended: boolean) =>
    returns(
      [{ pid: 41 }, { pid: 41, ended }],
      [
        { vcpu: 0, reason: io, count: 5, totalNs: 5e9 },
        { vcpu: 1, reason: io, count: 2, totalNs: 1e9 },
        { vcpu: 1, reason: error, count: 3, timed: 0 },
      ],
    );
  const exits = snapshot([{ pid: 41 }], []);
  exporter.readAll({ exits, returns: of(true) });
  const text = exporter.text(exporter.readAll({ exits, returns: of(false) }));
  assert.deepEqual(linesOf(text, "kvm_vmexit_returns_total"), [
    'kvm_vmexit_returns_total{vm="vm1",reason="IO"} 9',
    'kvm_vmexit_returns_total{vm="vm1",reason="EINTR"} 6',
  ]);
  assert.deepEqual(linesOf(text, "kvm_vmexit_vmm_seconds_total"), [
    'kvm_vmexit_vmm_seconds_total{vm="vm1",reason="IO"} 7',
    'kvm_vmexit_vmm_seconds_total{vm="vm1",reason="EINTR"} 0',
  ]);
});

test("states are the time of a VM's vCPUs, those that ended too, and never less than before", () => {
  const exporter = new Exporter({ split: true });
  const state = (vcpus: readonly Vcpu[], ns: readonly Partial<Record<Activity, number>>[]) => {
    const read = exporter.readAll({ exits: snapshot([{ pid: 41 }], []), split: split(vcpus, ns) });
    const lines = linesOf(exporter.text(read), "kvm_vmexit_vcpu_seconds_total");
    assert.equal(lines.length, ACTIVITIES.length);
    return Object.fromEntries(
      lines.flatMap((line) => {
        const [, name = "", value = ""] = /vm="vm1",state="(\w+)"} (\S+)$/.exec(line) ?? [];
        return Number(value) > 0 ? [[name, Number(value)]] : [];
      }),
    );
  };
  const [vcpu, ended] = [{ pid: 41 }, { pid: 41, ended: true }];
  assert.deepEqual(state([vcpu, ended], [{ guestL2: 2e9, idle: 1e9 }, { guest: 5e9 }]), {
    guest: 5,
    guest_l2: 2,
    idle: 1,
  });
  // What looked like a sleep was a poll that failed.
  assert.deepEqual(state([vcpu], [{ guestL2: 2e9, idle: 5e8, pollFail: 6e8 }]), {
    guest: 5,
    guest_l2: 2,
    poll_fail: 0.6,
    idle: 1,
  });
  assert.deepEqual(state([vcpu], [{ guestL2: 2e9, idle: 2e9, pollFail: 6e8 }])["idle"], 2);
});

test("the MSRs and ports with most exits are exported, each once, and no addresses", () => {
  const exporter = new Exporter({ details: { most: 3, words: detailWords } });
  const write = (msr: bigint) => 0x1_0000_0000n + msr;
  const slots: Slot[] = [
    { vcpu: 0, reason: MSR, count: 7, totalNs: 7e9, detail: write(0x6e0n) },
    { vcpu: 0, reason: MSR, count: 100, detail: "others" },
    { vcpu: 0, reason: NPF, count: 100, detail: 0xfee0_0000n },
    { vcpu: 1, reason: MSR, count: 2, totalNs: 1e9, level: 2, detail: write(0x6e0n) },
    { vcpu: 2, reason: MSR, count: 8, detail: write(0x6e0n) },
    // Out 0x3f8, one byte; bits that aren't told differ.
    { vcpu: 2, reason: IOIO, count: 3, detail: 0x3f8_0010n },
    { vcpu: 2, reason: IOIO, count: 4, detail: 0x3f8_0110n },
    { vcpu: 2, reason: MSR, count: 1, detail: 0x10n },
  ];
  const pids = [41, 41, 52];
  const read = () =>
    exporter.readAll({
      exits: snapshot(
        pids.map((pid) => ({ pid })),
        slots,
      ),
    });
  read();
  const counted = read();
  const lines = linesOf(exporter.text(counted), "kvm_vmexit_detail_exits_total");
  const tsc = 'isa="svm",reason="MSR",detail="write IA32_TSC_DEADLINE (0x6e0)"';
  assert.deepEqual(lines, [
    `kvm_vmexit_detail_exits_total{vm="vm1",${tsc}} 9`,
    `kvm_vmexit_detail_exits_total{vm="vm2",${tsc}} 8`,
    'kvm_vmexit_detail_exits_total{vm="vm2",isa="svm",reason="IOIO",detail="out 0x3f8 1 byte (COM1)"} 7',
  ]);
  assert.deepEqual(
    linesOf(exporter.text(counted), "kvm_vmexit_detail_handling_seconds_total")[0],
    `kvm_vmexit_detail_handling_seconds_total{vm="vm1",${tsc}} 8`,
  );
  assert.equal(
    exits(counted).reduce((sum, [, count]) => sum + Number(count), 0),
    225,
  );
});

test("with returns, states and details there are never more series than the most", () => {
  for (const maxSeries of [MIN_SERIES, MIN_SERIES + 3000]) {
    const details = { most: MAX_DETAILS, words: detailWords };
    const exporter = new Exporter({ histograms: "vm", maxSeries, returns: true, split: true, details });
    const [vcpus, slots] = crowd(
      200,
      Array.from({ length: 100 }, (_, i) => 0x1000 + i),
    );
    const [, msrs] = crowd(200, [MSR]);
    const counted = exporter.readAll({
      exits: snapshot(vcpus, [...slots, ...msrs.map((slot, i) => ({ ...slot, detail: BigInt(i) }))]),
      returns: returns(vcpus, slots),
      split: split(
        vcpus,
        vcpus.map(() => ({ guest: 1 })),
      ),
    });
    assert.ok(seriesOf(exporter.text(counted)) <= maxSeries, String(maxSeries));
    assert.equal(
      [...counted.returns].reduce((sum, { all }) => sum + all.exits, 0),
      200 * 100,
    );
  }
});
