// SPDX-License-Identifier: MIT
// Under instruction counting: a recording with gaps, and what the live tool saw of the same exits.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { jsonLines } from "../lab/json";
import { GUEST, PROJECT, type Result, run } from "../tools";
import { BOUND_NS } from "./known";

const EXITS = 20_000;
/** Interrupts of the host between the two programs at an event, in ns. */
const INTERRUPT_NS = 100_000;

/** Of CPUID: how many exits, their sum and their maximum in ns. */
function cpuid(result: Result): { count: number; sum: number; max: number } {
  const exits = jsonLines({ ...result, status: 0 }).flatMap((line) => line.exits);
  const found = exits.find(({ name }) => name === "CPUID");
  assert.ok(found, result.stdout);
  return { count: found.count.total, sum: found.timeNs.total, max: found.maxNs.total };
}

test("losses inside a recording invent no time: no exit is longer than the live tool saw, nor is their sum", () => {
  const file = join(mkdtempSync(join(tmpdir(), "gaps-")), "trace.bin");
  const tool = join(PROJECT, "dist", "bin", "kvm-vmexit-time.js");
  const live = [process.execPath, tool, "--json", "--wide", "--", GUEST, "--cpuid", String(EXITS)];
  const options = ["-o", file, "--events", "exit,entry", "--buffer", "4K", "--strict"];
  const recorded = run("kvm-trace", "record", ...options, "--", ...live);
  assert.equal(recorded.status, 3, recorded.stderr);
  const lost = Number(/^Lost: (\d+) events while the buffer was full/m.exec(recorded.stderr)?.[1]);
  const report = run("kvm-trace", "report", "--json", "--table", "time", "--wide", file);
  assert.equal(report.stderr, `Lost: ${lost} events while recording\n`);
  const [saw, told] = [cpuid(recorded), cpuid(report)];
  assert.equal(saw.count, EXITS);
  assert.ok(told.count > 0 && told.count < saw.count);
  assert.ok(told.max <= saw.max + INTERRUPT_NS, `${told.max} ns, live ${saw.max}`);
  const bound = saw.sum + told.count * BOUND_NS + INTERRUPT_NS;
  assert.ok(told.sum > 0 && told.sum <= bound, `${told.sum} ns, live ${saw.sum}`);
});
