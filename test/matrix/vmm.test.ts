// SPDX-License-Identifier: MIT
// Exits to the VMM on any machine: the guest's program knows how often KVM_RUN returned to it, and why.
import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import type { Exits } from "../lab/json";
import { ISA, ONLY, TELLING } from "../lab/machine";
import { PROJECT, run } from "../tools";
import { exitsOf, nameOf } from "./output";

const only = ONLY[ISA];
const X86 = [
  join(PROJECT, "build", "lab", "guest"),
  ..."--cpuid 101 --out 23 --in 7 --hlt 5 --mmio 13 --pause-ms 3 --vcpus 2 --eintr 11 --eagain 3".split(" "),
];
const PAUSE_NS = 3e6;
/**
 * The guest, and how often KVM_RUN returns to its program. The last return of each vCPU has no next KVM_RUN, and by payload
 * those that never entered the guest have no entry.
 */
const { command, returns, lasts } = only
  ? { command: only.command, returns: only.returns, lasts: { direct: {}, record: { MMIO: 1 } } }
  : {
      command: X86,
      returns: { EAGAIN: 3, EINTR: 11, HLT: 2 * 5, IO: 2 * (23 + 7 + 1), MMIO: 2 * 13 },
      lasts: { direct: { EAGAIN: 1, IO: 2 }, record: { EAGAIN: 3, EINTR: 11, IO: 2 } },
    };

/** What the program is asked for, with --details. By payload an IN is told only once the program has answered. */
const DETAILS: Readonly<Record<string, Readonly<Record<string, number>>>> = only?.returnDetails ?? {
  IO: {
    "out 0x3f8 1 byte (COM1)": 2 * 23,
    "in 0x3f8 1 byte (COM1)": 2 * 7,
    "out 0xf4 1 byte (ISA debug exit)": 2,
  },
  MMIO: { "write 0xd0000 (option ROMs)": 2 * 13 },
};

for (const attach of TELLING)
  test(`${attach}: --details has each port and address`, () => {
    const { stdout, stderr, status } = run(
      "kvm-vmexit",
      ...["vmm", "--attach", attach, "--details", "--json", "--", ...command],
    );
    assert.equal(status, 0, stderr);
    for (const exit of exitsOf(stdout)) {
      const wanted = new Map(Object.entries(DETAILS[nameOf(exit)] ?? {}));
      const told = new Map(exit.details?.map(({ text, count }) => [text, count.total]) ?? []);
      const reads = wanted.get("in 0x3f8 1 byte (COM1)");
      if (attach === "record" && reads !== undefined) {
        wanted.delete("in 0x3f8 1 byte (COM1)");
        wanted.set("unknown", reads);
      }
      assert.deepEqual(new Map([...told].sort()), new Map([...wanted].sort()), nameOf(exit));
    }
  });

for (const attach of TELLING)
  test(`${attach}: each return of KVM_RUN is counted by its reason, with the VMM's time`, () => {
    const { status, stdout, stderr } = run(
      "kvm-vmexit",
      "vmm",
      "--attach",
      attach,
      "--json",
      "--",
      ...command,
    );
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /Lost/);
    const exits = exitsOf(stdout);
    const counts = (of: (exit: Exits) => number): Record<string, number> =>
      Object.fromEntries(
        exits.map((exit) => [nameOf(exit), of(exit)] as const).filter(([, count]) => count !== 0),
      );
    assert.deepEqual(
      counts(({ count }) => count.total),
      returns,
    );
    assert.deepEqual(
      counts(({ count, timed }) => count.total - timed.total),
      lasts[attach],
    );
    assert.ok(exits.every(({ isa }) => isa === "kvm_run"));
    assert.match(stdout, new RegExp(`"host":\\{[^}]*"isa":"${ISA}"`));
    // The program sleeps in each return of --out, and only there.
    const io = exits.find((exit) => nameOf(exit) === "IO");
    if (io) assert.ok(io.timeNs.total >= 2 * 23 * PAUSE_NS);
  });
