// Exits to the VMM on any machine: the guest's program knows how often KVM_RUN returned to it, and why.
import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import type { Exits } from "../lab/json";
import { ISA, MODES } from "../lab/machine";
import { PROJECT, run } from "../tools";
import { exitsOf, nameOf } from "./output";

const X86 = ["guest", ..."--cpuid 101 --out 23 --in 7 --hlt 5 --mmio 13 --pause-ms 3 --vcpus 2".split(" ")];
const PAUSE_NS = 3e6;
/** The guest, and how often KVM_RUN returns to its program; the last return of each vCPU has no next KVM_RUN. */
const { command, returns, lasts } =
  ISA === "arm64"
    ? {
        command: ["guest-arm64", "--hvc", "101", "--mmio", "13"],
        returns: { MMIO: 13 + 1 },
        lasts: { MMIO: 1 },
      }
    : {
        command: X86,
        returns: { HLT: 2 * 5, IO: 2 * (23 + 7 + 1), MMIO: 2 * 13 },
        lasts: { IO: 2 },
      };
const [program = "", ...parameters] = command;

for (const attach of MODES)
  test(`${attach}: each return of KVM_RUN is counted by its reason, with the VMM's time`, () => {
    const guest = [join(PROJECT, "build", "lab", program), ...parameters];
    const { status, stdout, stderr } = run("kvm-vmexit", "vmm", "--attach", attach, "--json", "--", ...guest);
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
      lasts,
    );
    assert.ok(exits.every(({ isa }) => isa === "kvm_run"));
    // The program sleeps in each return of --out, and only there.
    const io = exits.find((exit) => nameOf(exit) === "IO");
    if (io) assert.ok(io.timeNs.total >= 2 * 23 * PAUSE_NS);
  });
