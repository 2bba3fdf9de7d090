// SPDX-License-Identifier: MIT
// --details on a real KVM host: what exits were about, exactly as the guests did it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "node:test";
import { GUEST, PROJECT, run } from "../tools";
import { type Exits, jsonLines } from "./json";
import { TELLING } from "./machine";

// Each asks for other registers, ports and pages, in prime numbers of times.
const GUESTS = [
  [
    "--cpuid 23 --out 11 --in 13 --rdmsr 41 --wrmsr 43 --mmio 7",
    "--out 17 --in 19 --port 97 --rdmsr 29 --msr 16 --mmio 5 --page 193",
    "--out 3 --port 1016 --rdmsr 2 --msr 27",
  ].map((parameters) => `${GUEST} ${parameters}`),
].flat();

const REASONS = "CPUID,IOIO,MSR,NPF";

const rowsOf = (exits: readonly Exits[], name: string) =>
  new Map(
    exits.find((exit) => exit.name === name)?.details?.map(({ text, count }) => [text, count.total]) ?? [],
  );

function assertSums(exits: readonly Exits[]): void {
  for (const { name, count, details = [] } of exits)
    for (const level of ["total", "l1", "l2"] as const)
      assert.equal(
        details.reduce((sum, detail) => sum + detail.count[level], 0),
        count[level],
        name,
      );
}

for (const attach of TELLING)
  test(`${attach}: each MSR, port, leaf and address has its number`, () => {
    const result = run(
      "kvm-vmexit-time",
      ...["--attach", attach, "--details", "--json", "--reasons", REASONS],
      ...["--", "sh", "-c", GUESTS.join(" && ")],
    );
    assert.equal(result.status, 0, result.stderr);
    const [line] = jsonLines(result);
    const exits = line?.exits ?? [];
    assertSums(exits);
    assert.deepEqual([...rowsOf(exits, "CPUID")], [["leaf 0x0 (vendor)", 23]]);
    assert.deepEqual(
      [...rowsOf(exits, "IOIO")],
      [
        ["in 0x61 1 byte (system control B: speaker, PIT gate)", 19],
        ["out 0x61 1 byte (system control B: speaker, PIT gate)", 17],
        ["out 0x3f8 1 byte (COM1)", 14],
        ["in 0x3f8 1 byte (COM1)", 13],
        ["out 0xf4 1 byte (ISA debug exit)", 3],
      ],
    );
    assert.deepEqual(
      [...rowsOf(exits, "MSR")],
      [
        ["write IA32_PAT (0x277)", 43],
        ["read IA32_PAT (0x277)", 41],
        ["read IA32_TIME_STAMP_COUNTER (0x10)", 29],
        ["read IA32_APIC_BASE (0x1b)", 2],
      ],
    );
    const faults = rowsOf(exits, "NPF");
    // The first access to a page finds nothing there; from then on KVM knows that it is no memory.
    assert.equal(faults.get("write 0xd0000 (option ROMs)"), 6);
    assert.equal(faults.get("write 0xd0000-0xd0fff (option ROMs)"), 1);
    assert.equal(faults.get("write 0xc1000 (option ROMs)"), 4);
  });

test("a reason is picked by a detail's number; tools without details refuse that", () => {
  const guest = [GUEST, "--rdmsr", "41", "--wrmsr", "3", "--cpuid", "5"];
  const result = run(
    "kvm-vmexit-count",
    ...["--details", "--reasons", "MSR:0x277", "--no-header", "--", ...guest],
  );
  assert.equal(
    result.stdout,
    [
      "124 MSR                            44       44        0",
      "      read IA32_PAT (0x277)        41       41        0",
      "      write IA32_PAT (0x277)        3        3        0",
      "    Total                          44       44        0",
      "",
    ].join("\n"),
  );
  const refused = run("kvm-vmexit-count", "--reasons", "MSR:0x277", "--", ...guest);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /^kvm-vmexit-count: "MSR:0x277" names details; give --details, too/);
});

test("kvm-vmexit-slower picks exits by a detail's number, too", () => {
  const guests = [`${GUEST} --rdmsr 41 --wrmsr 3`, `${GUEST} --rdmsr 5 --msr 27`].join(" && ");
  const result = run(
    "kvm-vmexit-slower",
    ...["0", "--wide", "--reasons", "MSR:0x277", "--", "sh", "-c", guests],
  );
  assert.equal(result.status, 0, result.stderr);
  const lines = result.stdout.split("\n").filter((line) => / MSR /.test(line));
  assert.equal(lines.length, 44);
  assert.ok(lines.every((line) => /(read|write) IA32_PAT \(0x277\)$/.test(line)));
});

test("kvm-vmexit-hist has a histogram of each detail", () => {
  const result = run("kvm-vmexit-hist", "MSR", "--details", "--", GUEST, "--rdmsr", "41", "--wrmsr", "3");
  assert.equal(result.status, 0, result.stderr);
  const titles = [...result.stdout.matchAll(/^(124 MSR.*): \d+ exits, average \d+ ns$/gm)].map(
    ([, title]) => title,
  );
  assert.deepEqual(titles, ["124 MSR", "124 MSR: read IA32_PAT (0x277)", "124 MSR: write IA32_PAT (0x277)"]);
  const counts = [...result.stdout.matchAll(/ : (\d+) /g)].reduce((sum, [, n]) => sum + Number(n), 0);
  assert.equal(counts, 2 * 44);
});

for (const attach of TELLING)
  test(`${attach}: a guest that walks through ports, MSRs and memory loses some of these details, and nothing else`, () => {
    const [ports, msrs, pages] = [601, 307, 211];
    const guest = `${GUEST} --ports ${ports} --msrs ${msrs} --pages ${pages} --cpuid 23 --hypercall 11 --call 10`;
    const set = (ignored: 0 | 1) =>
      `cd /sys/module/kvm/parameters && echo ${ignored} > ignore_msrs && echo ${1 - ignored} > report_ignored_msrs`;
    const result = run(
      "kvm-vmexit-time",
      ...["--attach", attach, "--details", "--json"],
      ...["--reasons", `${REASONS},VMMCALL`, "--", "sh", "-c", `${set(1)} && ${guest} && ${set(0)}`],
    );
    assert.equal(result.status, 0, result.stderr);
    const [line] = jsonLines(result);
    const exits = line?.exits ?? [];
    assertSums(exits);
    const others = (name: string) => rowsOf(exits, name).get("others") ?? 0;
    const places = (name: string) => rowsOf(exits, name).size - 1;
    // Each walk takes half of what is free, of which the guest's first pages have taken a few; pages have a
    // sixteenth at most. bpf/contract/vmexit.h
    for (const [name, total, most] of [
      ["IOIO", ports + 1, 512 + 1], // the last one, which no entry followed, needs no place
      ["MSR", msrs, 256],
    ] as const) {
      assert.ok(places(name) <= most && places(name) > most - 8, `${name}: ${places(name)}`);
      assert.equal(others(name), total - places(name));
    }
    assert.ok(others("NPF") > pages - 64 && others("NPF") < pages, String(others("NPF")));
    assert.deepEqual([...rowsOf(exits, "CPUID")], [["leaf 0x0 (vendor)", 23]]);
    assert.deepEqual([...rowsOf(exits, "VMMCALL")], [["KVM_HC_SEND_IPI (10)", 11]]);
    const lost = exits.reduce((sum, { name }) => sum + others(name), 0);
    assert.deepEqual({ ...line?.lost }, { ...line?.lost, slotsFull: 0, recordsFull: 0, detailsFull: lost });
  });

// No guest of SEV-ES runs here. Hosts that can have them load another program, which other guests meet, too.
const SAYS_SEV_ES = 'echo Y > "$0" && mount --bind "$0" /sys/module/kvm_amd/parameters/sev_es && exec "$@"';
for (const wide of [[], ["--wide"]])
  test(`where KVM can run guests of SEV-ES, those of others are counted as ever: time ${wide.join(" ")}`, () => {
    const tool = [process.execPath, join(PROJECT, "dist", "bin", "kvm-vmexit-time.js")];
    const options = ["--attach", "direct", "--details", "--json", "--verbose", "--reasons", REASONS, ...wide];
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      [
        "-m",
        "sh",
        "-c",
        SAYS_SEV_ES,
        "/tmp/sev_es",
        ...tool,
        ...options,
        "--",
        GUEST,
        "--rdmsr",
        "41",
        "--out",
        "11",
      ],
      { encoding: "utf8" },
    );
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^ {2}direct_entry_svm_/m);
    const exits = jsonLines({ status, stdout, stderr }).flatMap((line) => line.exits);
    assertSums(exits);
    assert.deepEqual([...rowsOf(exits, "MSR")], [["read IA32_PAT (0x277)", 41]]);
    assert.equal(rowsOf(exits, "IOIO").get("out 0x3f8 1 byte (COM1)"), 11);
  });
