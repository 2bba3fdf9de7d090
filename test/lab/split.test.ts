// SPDX-License-Identifier: MIT
// kvm-vmexit split as a user runs it: its outputs. test/matrix/split.test.ts compares its numbers with other witnesses.
import assert from "node:assert/strict";
import test from "node:test";
import { run } from "../tools";
import { type Line, jsonLines } from "./json";
import { WORKLOAD } from "./machine";

const COMMAND = WORKLOAD.command;

/** What a line of the tool's JSON has in place of exits. */
interface Split extends Line {
  readonly split: readonly {
    vm: string;
    vcpu: number;
    vcpus: number;
    elapsedNs: number;
    ns: Record<string, number>;
  }[];
}

test("the tool: JSON by its schema, the activities of each vCPU sum up to its time", () => {
  const lines = jsonLines(run("kvm-vmexit", "split", "--json", "--", ...COMMAND)) as Split[];
  const rows = lines.flatMap(({ split }) => split);
  assert.ok(rows.length > 0);
  for (const { elapsedNs, ns, vcpus } of rows) {
    assert.equal(
      Object.values(ns).reduce((sum, each) => sum + each, 0),
      elapsedNs,
    );
    assert.ok(vcpus >= 1);
  }
});

test("the tool: a table of all together, wide; CSV with a row for each VM; a filter that leaves all out", () => {
  const table = run("kvm-vmexit", "split", "--by", "all", "--wide", "--unit", "us", "--", ...COMMAND);
  assert.match(
    table.stdout,
    /^VM +vCPU +guest +KVM +VMM +poll +idle +waiting +exits\/s +L2 .* P99\.9 [mnu]s\nall .*%/m,
  );
  const csv = run("kvm-vmexit", "split", "--by", "vm", "--csv", "--", ...COMMAND)
    .stdout.trimEnd()
    .split("\n");
  assert.match(csv[0] ?? "", /^time,vm,pid,vcpu,vcpus,elapsed_ns,guest_ns,/);
  assert.ok(csv.length >= 2 && csv.every((line) => line.split(",").length === csv[0]?.split(",").length));
  const none = run("kvm-vmexit", "split", "--vcpu", "4095", "--", ...COMMAND);
  assert.deepEqual([none.status, none.stdout.split("\n").length], [0, 3], none.stderr);
});
