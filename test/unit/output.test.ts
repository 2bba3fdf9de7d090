// What tools print, and say, where standard output takes nothing.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "node:test";
import { PROJECT } from "../tools";

function run(tool: string, rest: string) {
  const program = join(PROJECT, "dist", "tools", `${tool}.js`);
  return spawnSync("sh", ["-c", `exec "$0" "$1" ${rest}`, process.execPath, program], { encoding: "utf8" });
}

for (const tool of ["kvm-vmexit-count", "kvm-stat", "kvm-trace"]) {
  test(`${tool} --help on a full disk is one line and status 1`, () => {
    const { status, stderr } = run(tool, "--help >/dev/full");
    assert.match(stderr, /^\S+: cannot write to standard output: ENOSPC.*\n$/);
    assert.equal(status, 1);
  });

  test(`${tool} --help says that standard output is closed`, () => {
    assert.match(run(tool, "--help >&-").stderr, /^standard output is closed, or is \/dev\/null: .*\n$/);
    assert.equal(run(tool, "--help >/dev/null").stderr, "");
  });
}

test("a wrong option is one line, with the nearest one", () => {
  const { status, stderr } = run("kvm-vmexit-count", "--js");
  assert.equal(
    stderr,
    "kvm-vmexit-count: unknown option '--js' (Did you mean --json?); see kvm-vmexit-count --help\n",
  );
  assert.equal(status, 2);
});

test("--unit is an option of every tool", () => {
  for (const tool of ["count", "time", "hist", "slower"])
    assert.match(run(`kvm-vmexit-${tool}`, "--help").stdout, /^ +--unit /m);
});
