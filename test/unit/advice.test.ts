// SPDX-License-Identifier: MIT
// Advice: each rule finds its fault, and nothing in runs that don't have it. The readings were saved in the lab.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { type Evidence, RULES, advise } from "../../src/advice";
import { adviceLines } from "../../src/advice/lines";
import { Machine } from "../../src/host/machine";
import { cpusOf, recordedFacts } from "../../src/host/recorded";
import { readLines } from "../../src/lines/read";
import type { Host } from "../../src/measure/lines";
import { type Sample, detailAt, zero } from "../../src/measure/samples";
import { detailRows } from "../../src/measure/details";
import { evidenceOf } from "../../src/report/evidence";
import { Run } from "../../src/report/run";
import { Selection } from "../../src/report/selection";
import { makeClock } from "../../src/split/clock";
import { PROJECT, run } from "../tools";

const READINGS = join(PROJECT, "test", "data", "readings");

/** What a recording from the lab shows. */
async function recorded(...names: readonly string[]): Promise<Evidence> {
  const sum = new Run(new Selection({}));
  for (const name of names)
    for await (const line of readLines([readFileSync(join(READINGS, `${name}.jsonl`))])) sum.add(line);
  return evidenceOf(sum);
}

const HOST: Host = { kernel: "6.1", machine: "x86_64", processor: "", isa: "vmx", attach: "direct" };
const SECOND = 1e9;

/** A second of a vCPU without any exit. */
const NOTHING: Evidence = {
  exitsNs: SECOND,
  vcpuNs: SECOND,
  samples: [],
  details: undefined,
  timed: true,
  reflected: false,
  quarters: [],
  vmm: undefined,
  clock: undefined,
  host: undefined,
};

/** So many exits of L1, of so many ns each, of which so many of L2 went to L1. */
function sample(
  reason: number,
  count: number,
  ns = 1000,
  { isa = "vmx", reflected = 0, l2 = 0 } = {},
): Sample {
  const counters = { ...zero(), count, timed: count, totalNs: count * ns, maxNs: ns };
  return { isa, reason, l1: counters, l2: { ...zero(), count: l2 }, reflected };
}

/** The evidence of exits that were all about the same. */
function aboutSame(made: Sample, raw: bigint): Evidence {
  Object.assign(detailAt(made, String(raw), raw).l1, made.l1);
  return { ...NOTHING, samples: [made], details: detailRows(made) };
}

/** A second of a vCPU's clock: ms of activities, wake-ups. */
function clockOf(ms: Readonly<Record<string, number>>, wakeups = 0): Evidence["clock"] {
  return makeClock(
    (activity) => (ms[activity] ?? 0) * 1e6,
    (count) => (count === "wakeups" ? wakeups : 0),
    () => 0,
    [],
  );
}

const split = (ms: Readonly<Record<string, number>>, wakeups = 0): Evidence => ({
  ...NOTHING,
  exitsNs: undefined,
  clock: clockOf(ms, wakeups),
});

/** Faults of EPT_VIOLATION in each quarter of 80 seconds of a vCPU. */
function faults(...counts: readonly number[]): Evidence {
  const all = counts.reduce((sum, count) => sum + count, 0);
  return {
    ...NOTHING,
    exitsNs: 80 * SECOND,
    vcpuNs: 80 * SECOND,
    samples: [sample(48, all)],
    quarters: counts.map((count) => ({ durationNs: 20 * SECOND, countOf: () => count })),
  };
}

/** A second of a vCPU with exits to the VMM that were all writes to COM1, and others about which nothing is told. */
function vmmOf(count: number, ns: number, others = 0): Evidence {
  const io = sample(KVM_EXIT_IO, count, ns, { isa: "kvm_run" });
  Object.assign(detailAt(io, "1", 0x3f8_0000n).l1, io.l1);
  const rest = detailRows(sample(KVM_EXIT_IO, 0)).concat({
    text: "unknown",
    detail: undefined,
    sample: sample(KVM_EXIT_IO, others, ns, { isa: "kvm_run" }),
  });
  return { ...NOTHING, vmm: { vcpuNs: SECOND, details: [...detailRows(io), ...rest] } };
}

const KVM_EXIT_IO = 2;
const HPET_READ = 0xfed000f0n;
const PAGE = (1n << 59n) | 0x1000n;
const [HLT, INTERRUPT, PAUSE, MSR_WRITE, APIC_WRITE, EPT_MISCONFIG, NPF] = [12, 1, 40, 32, 56, 49, 1024];

/** Of each rule runs that have its fault, and runs that are near to it and haven't: recordings, one or several together, or made up. */
const CASES: Readonly<
  Record<string, readonly [faulty: readonly (Evidence | string)[], healthy: readonly (Evidence | string)[]]>
> = {
  "sleeps-unpolled": [
    ["sleeps-unpolled", split({ guest: 800, idle: 200 }, 2000)],
    [
      "naps",
      "sleeps-polled",
      "computing",
      split({ guest: 790, idle: 200, pollSuccess: 10 }, 2000),
      split({ guest: 200, idle: 800 }, 2000),
      split({ guest: 990, idle: 10 }, 100),
    ],
  ],
  "sleeps-unpolled-by-host": [
    [
      "sleeps-unpolled-time",
      { ...NOTHING, samples: [sample(HLT, 2000, 100_000)], host: { ...HOST, haltPollNs: 0 } },
    ],
    [
      "naps-time",
      "sleeps-polled-time",
      { ...NOTHING, samples: [sample(HLT, 2000, 100_000)], host: { ...HOST, haltPollNs: 200_000 } },
      { ...NOTHING, samples: [sample(HLT, 2000, 100_000)], host: HOST },
      { ...NOTHING, samples: [sample(HLT, 2000, 400_000)], host: { ...HOST, haltPollNs: 0 } },
    ],
  ],
  "polls-in-vain": [
    ["polls-in-vain", split({ guest: 100, pollFail: 100, pollSuccess: 50, idle: 750 }, 500)],
    [
      "naps",
      "sleeps-polled",
      "sleeps-unpolled",
      split({ guest: 100, pollFail: 50, pollSuccess: 100, idle: 750 }, 500),
      split({ pollFail: 10, idle: 990 }, 50),
    ],
  ],
  waiting: [["waiting"], ["computing", "naps"]],
  spinning: [
    [
      "spinning+spinning-split",
      { ...NOTHING, samples: [sample(PAUSE, 500)], clock: clockOf({ guest: 700, waiting: 300 }) },
    ],
    [
      "many-exits+waiting",
      { ...NOTHING, samples: [sample(PAUSE, 500)], clock: clockOf({ guest: 1000 }) },
      { ...NOTHING, samples: [sample(PAUSE, 5)], clock: clockOf({ guest: 700, waiting: 300 }) },
    ],
  ],
  "deadline-storm": [["deadlines"], ["deadlines-few", "many-exits"]],
  "ipis-exit": [
    // x2APIC, and APIC virtualisation of Intel without that of IPIs: the lab's processors have neither.
    [
      "ipis",
      aboutSame(sample(MSR_WRITE, 5000), 0x830n | (1n << 32n)),
      aboutSame(sample(APIC_WRITE, 5000), 0x300n),
    ],
    [
      "ipis-seldom",
      "hpet",
      aboutSame(sample(MSR_WRITE, 200), 0x830n | (1n << 32n)),
      aboutSame(sample(MSR_WRITE, 5000), 0x80bn | (1n << 32n)),
      aboutSame(sample(APIC_WRITE, 5000), 0xb0n),
      "many-exits",
    ],
  ],
  // The recordings are of `guest --nop 1000000 --cpuid 1`, run under a name that has "vcpu" in it, with isolcpus=1: on CPU 1 and on CPU 0.
  "interrupts-on-isolated": [
    [
      "isolated",
      {
        ...NOTHING,
        samples: [sample(INTERRUPT, 250)],
        host: { ...HOST, isolatedCpus: "2-7", isolatedVms: 1 },
      },
    ],
    [
      "isolated-unbound",
      {
        ...NOTHING,
        samples: [sample(INTERRUPT, 250)],
        host: { ...HOST, isolatedCpus: "2-7", isolatedVms: 0 },
      },
      { ...NOTHING, samples: [sample(INTERRUPT, 5)], host: { ...HOST, isolatedCpus: "2-7", isolatedVms: 1 } },
      { ...NOTHING, samples: [sample(INTERRUPT, 250)], host: HOST },
    ],
  ],
  reflected: [
    [
      "reflected",
      { ...NOTHING, reflected: true, samples: [sample(HLT, 0, 0, { l2: 3000, reflected: 2500 })] },
    ],
    [
      "reflected-seldom",
      { ...NOTHING, reflected: true, samples: [sample(HLT, 0, 0, { l2: 9000, reflected: 2500 })] },
      { ...NOTHING, reflected: true, samples: [sample(HLT, 0, 0, { l2: 300, reflected: 300 })] },
    ],
  ],
  "pm-timer": [["pm-timer"], ["pm-timer-seldom", "rtc"]],
  pit: [["pit"], ["rtc", "many-exits"]],
  rtc: [["rtc"], ["pit", "many-exits"]],
  ide: [["ide"], ["pit", "many-exits"]],
  hpet: [
    [
      "hpet",
      aboutSame(sample(EPT_MISCONFIG, 500), HPET_READ),
      aboutSame(sample(NPF, 500, 9, { isa: "svm" }), HPET_READ),
    ],
    [
      "hpet-seldom",
      "ipis",
      aboutSame(sample(EPT_MISCONFIG, 5), HPET_READ),
      aboutSame(sample(EPT_MISCONFIG, 500), 0xfed00400n),
      "many-exits",
    ],
  ],
  "one-device": [
    ["one-device", "pm-timer", "hpet"],
    // Accesses to the local APIC are no device's.
    ["pm-timer-seldom", "many-exits", "naps-time", "hpet-seldom", "ipis"],
  ],
  "vmm-one-device": [
    ["vmm-one-device", vmmOf(1000, 100_000)],
    ["vmm-devices", vmmOf(1000, 10_000), vmmOf(1000, 100_000, 2000), vmmOf(10, 100_000)],
  ],
  "faults-go-on": [
    ["faults", faults(20_000, 30_000, 20_000, 20_000)],
    [
      "faults-seldom",
      faults(900_000, 9, 9, 9),
      faults(20_000, 30_000, 20_000, 9000),
      { ...faults(20_000, 30_000, 20_000, 20_000), samples: [sample(NPF, 90_000, 9, { isa: "svm" })] },
      "many-exits",
    ],
  ],
};

const evidence = (what: Evidence | string) =>
  typeof what === "string" ? recorded(...what.split("+")) : Promise.resolve(what);

test("each rule has runs with its fault and runs without", () => {
  assert.deepEqual(RULES.map(({ name }) => name).sort(), Object.keys(CASES).sort());
  for (const [name, [faulty, healthy]] of Object.entries(CASES))
    assert.ok(faulty.length > 0 && healthy.length > 0, name);
});

for (const [name, [faulty, healthy]] of Object.entries(CASES))
  test(`${name} is found where it is, and nowhere else`, async () => {
    for (const [i, what] of faulty.entries()) {
      const found = advise(await evidence(what)).findings.find((finding) => finding.name === name);
      assert.match(found?.evidence ?? "", /\d/, `faulty ${i}`);
    }
    for (const [i, what] of healthy.entries())
      assert.ok(
        !advise(await evidence(what)).findings.some((finding) => finding.name === name),
        `healthy ${i}`,
      );
  });

test("healthy runs have no findings, with exits, details and the split together", async () => {
  for (const names of [
    ["many-exits", "computing"],
    ["naps-time", "naps"],
    ["pm-timer-seldom"],
    ["deadlines-few"],
    ["hpet-seldom"],
    ["ipis-seldom"],
    ["faults-seldom"],
    ["sleeps-polled-time", "sleeps-polled", "hpet-seldom"],
  ]) {
    const { findings, asked } = advise(await recorded(...names));
    assert.deepEqual(findings, [], names.join());
    assert.ok(asked >= 9);
  }
});

test("pages of SVM's guests that fault on and on are known by their details", () => {
  const made = sample(NPF, 90_000, 9, { isa: "svm" });
  const { details, samples } = aboutSame(made, PAGE);
  const run = { ...faults(20_000, 30_000, 20_000, 20_000), samples, details };
  assert.deepEqual(
    advise(run).findings.map(({ name }) => name),
    ["faults-go-on"],
  );
});

test("--advise says it in 80 columns after the tables, and on stderr beside JSON; the page has a section", () => {
  const path = join(READINGS, "pm-timer.jsonl");
  const { stdout } = run("kvm-vmexit-report", "--advise", path);
  assert.match(stdout, /\n\nAdvice: Guests use the ACPI PM timer\n {2}found {2}20,000 accesses to ports /);
  assert.match(stdout, /\nAdvice: 2 found by 11 rules [^]*Others\s+need\s+the\s+split of vCPUs' time/);
  const [, advice = ""] = stdout.split(/\n\n(?=Advice)/);
  for (const line of advice.split("\n")) assert.ok(line.length <= 80, line);
  const json = run("kvm-vmexit-report", "--advise", "--json", path);
  assert.equal(json.stdout.trim().split("\n").length, 1);
  assert.match(json.stderr, /^Advice: Guests use the ACPI PM timer$/m);
  const folder = mkdtempSync(join(tmpdir(), "advice-"));
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const page = join(folder, "page.html");
  run("kvm-vmexit-report", "--html", page, path);
  assert.match(
    readFileSync(page, "utf8"),
    /<h2>Advice<\/h2><article><h3>Guests use the ACPI PM timer<\/h3><dl><dt>Found[^]*<td>IOIO: out 0x608 1 byte \(PM timer\)<\/td>/,
  );
});

test("every text of a rule is there, without an address that a page would hold", () => {
  for (const { meaning, mend, verify, source, title } of RULES)
    for (const text of [meaning, mend, verify, source, title]) {
      assert.ok(text.length > 8, title);
      assert.doesNotMatch(text, /https?:/);
    }
  assert.deepEqual(adviceLines({ findings: [], asked: 3, lacking: [] }), [
    "Advice: nothing found by 3 rules that these readings can answer.",
  ]);
});

test("facts of the host: polling, APIC virtualisation, isolated CPUs and the VMs bound to them", () => {
  const root = mkdtempSync(join(tmpdir(), "facts-"));
  after(() => {
    rmSync(root, { recursive: true });
  });
  const write = (path: string, text: string) => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write("sys/module/kvm_intel/initstate", "live\n");
  write("sys/module/kvm_intel/parameters/enable_apicv", "N\n");
  write("sys/module/kvm/parameters/halt_poll_ns", "0\n");
  assert.deepEqual(recordedFacts(new Machine({ root, arch: "x64" })), {
    haltPollNs: 0,
    apicVirtualised: false,
  });
  write("sys/devices/system/cpu/isolated", "2-3,5\n");
  const known = { haltPollNs: 0, apicVirtualised: false, isolatedCpus: "2-3,5" };
  // Where processes can't be looked at, their number isn't 0.
  assert.deepEqual(recordedFacts(new Machine({ root, arch: "x64" })), known);
  mkdirSync(join(root, "proc"));
  assert.deepEqual(recordedFacts(new Machine({ root, arch: "x64" })), { ...known, isolatedVms: 0 });
  for (const [pid, cpus] of [
    [7, "3"],
    [8, "3-4"],
  ] as const) {
    write(`proc/${pid}/task/${pid}/comm`, "qemu\n");
    write(`proc/${pid}/task/9${pid}/comm`, "CPU 0/KVM\n");
    write(`proc/${pid}/task/9${pid}/status`, `Name:\tCPU 0/KVM\nCpus_allowed_list:\t${cpus}\n`);
    mkdirSync(join(root, `proc/${pid}/fd`));
    symlinkSync("anon_inode:kvm-vm", join(root, `proc/${pid}/fd/9`));
  }
  assert.equal(recordedFacts(new Machine({ root, arch: "x64" })).isolatedVms, 1);
  assert.deepEqual([...cpusOf("2-3,5")], [2, 3, 5]);
  assert.deepEqual([...cpusOf("3-,x")], []);
  assert.equal(cpusOf("0-99999999").size, 8193);
});
