// SPDX-License-Identifier: MIT
// Under instruction counting: what `perf kvm stat` says about the same events, recorded at the same time.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { jsonLines } from "../lab/json";
import { GUEST, PROJECT } from "../tools";
import { BOUND_NS, GUEST_COMMAND, NAMES, RARE_NS } from "./known";

function succeeded(program: string, ...parameters: string[]) {
  const result = spawnSync(program, parameters, { encoding: "utf8" });
  assert.equal(result.error, undefined);
  assert.equal(result.status, 0, result.stderr);
  return result;
}

function perf(...parameters: string[]) {
  return succeeded("perf", "kvm", ...parameters);
}

/** Rows of the report: exits that have a time, and their average in ns; it is told in hundredths of a microsecond. */
function rowsOf(report: string): Map<string, readonly [number, number]> {
  const row = /^ *(\w+) +(\d+) +[\d.]+% +[\d.]+% +[\d.]+us +[\d.]+us +([\d.]+)us \(/gm;
  return new Map(
    [...report.matchAll(row)].map(([, name = "", count, us]) => [name, [Number(count), Number(us) * 1000]]),
  );
}

// perf comes second, so that ours don't have what it takes for an entry in the time of the exit. Attached to records, the
// programs also leave the events to perf, which shares the records.
for (const attach of ["direct", "record"])
  test(`${attach}: counts are perf's, and averages within ${BOUND_NS} instructions of it`, () => {
    const file = join(mkdtempSync(join(tmpdir(), "perf-")), "perf.data");
    const tool = join(PROJECT, "dist", "bin", "kvm-vmexit-time.js");
    const recorded = ["perf", "kvm", "stat", "record", "-a", "-o", file, "--", ...GUEST_COMMAND];
    const traced = [tool, "--attach", attach, "--json", "--", ...recorded];
    const exits = jsonLines(succeeded(process.execPath, ...traced)).flatMap((line) => line.exits);
    const report = perf("-i", file, "stat", "report");
    const rows = rowsOf(report.stdout + report.stderr);
    assert.equal(rows.size, exits.length, report.stdout + report.stderr);
    for (const { name, timed, timeNs } of exits) {
      const [count, averageNs] = rows.get(NAMES[name] ?? name) ?? [0, 0];
      assert.equal(timed.total, count, name);
      const ours = timeNs.total / timed.total;
      console.log(`${name}: ${ours.toFixed(0)} ns, perf ${averageNs.toFixed(0)} ns`);
      assert.ok(
        Math.abs(ours - averageNs) <= BOUND_NS + RARE_NS / timed.total,
        `${name}: ${ours} and ${averageNs}`,
      );
    }
  });

// The last access, to the port that ends the guest, has no entry after it, and no time.
test("ports and MMIO by details are perf's", () => {
  const file = join(mkdtempSync(join(tmpdir(), "perf-")), "perf.data");
  const tool = join(PROJECT, "dist", "bin", "kvm-vmexit-time.js");
  const guest = [GUEST, ..."--out 499 --in 97 --mmio 31".split(" ")];
  const traced = [process.execPath, tool, "--details", "--json", "--", ...guest];
  const exits = jsonLines(perf("stat", "record", "-a", "-o", file, "--", ...traced)).flatMap(
    (line) => line.exits,
  );
  const ours = (start: string) =>
    exits
      .flatMap(({ details = [] }) => details.filter(({ text }) => text.startsWith(start)))
      .reduce((sum, { timed }) => sum + timed.total, 0);
  for (const [event, rows] of [
    ["ioport", { "0x3f8:POUT": "out 0x3f8 ", "0x3f8:PIN": "in 0x3f8 " }],
    ["mmio", { "0xd0000:W": "write 0xd0000" }],
  ] as const) {
    const { stdout, stderr } = perf("-i", file, "stat", "report", `--event=${event}`);
    const report = stdout + stderr;
    const found = new Map(
      [...report.matchAll(/^ *(0x[0-9a-f]+:\w+) +(\d+) /gm)].map(([, key = "", count]) => [
        key,
        Number(count),
      ]),
    );
    for (const [key, start] of Object.entries(rows)) {
      assert.ok(ours(start) > 0, start);
      assert.equal(found.get(key), ours(start), report);
    }
  }
});
