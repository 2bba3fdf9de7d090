// SPDX-License-Identifier: MIT
// A host under lockdown=confidentiality, where tracefs is empty and BPF programs may not read the kernel: each tool says so.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { before } from "node:test";
import { run } from "../tools";

const FILE = join(mkdtempSync(join(tmpdir(), "boots-")), "recording");

const TRACING: readonly (readonly [tool: string, ...parameters: string[]])[] = [
  ["kvm-vmexit", "count", "-d", "1"],
  ["kvm-vmexit", "time", "--attach", "record", "-d", "1"],
  ["kvm-vmexit", "hist", "--attach", "direct", "-d", "1"],
  ["kvm-vmexit", "slower", "0", "-d", "1"],
  ["kvm-vmexit", "split", "-d", "1"],
  ["kvm-vmexit", "vmm", "-d", "1"],
  ["kvm-vmexit", "export", "--listen", join(tmpdir(), "socket")],
  ["kvm-trace", "record", "-o", FILE, "-d", "1"],
];

before(() => {
  if (!existsSync("/sys/kernel/security/lockdown"))
    spawnSync("mount", ["-t", "securityfs", "securityfs", "/sys/kernel/security"]);
});

for (const [tool, ...parameters] of TRACING)
  test(`${tool} ${parameters.slice(0, -1).join(" ")} says in one line that the kernel is locked down`, () => {
    const { status, stdout, stderr } = run(tool, ...parameters);
    assert.deepEqual([status, stdout], [1, ""], stderr);
    assert.match(stderr, /^[^\n]*lockdown in confidentiality mode[^\n]*; boot with lockdown=integrity\n$/);
    assert.equal(existsSync(FILE), false);
  });

test("kvm-stat says so for both of its sources, and prints no number", () => {
  for (const source of ["-t", "-d"]) {
    const { status, stdout, stderr } = run("kvm-stat", source, "-1");
    assert.deepEqual([status, stdout], [1, ""], stderr);
    assert.match(stderr, /lockdown/);
  }
});

test("kvm-vmexit doctor names lockdown as what is in the way", () => {
  const { status, stdout } = run("kvm-vmexit", "doctor");
  assert.equal(status, 1);
  assert.match(stdout, /lockdown/);
});
