// SPDX-License-Identifier: MIT
// What tools print, and say, where standard output takes nothing.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "node:test";
import { lateNames, whyNothing } from "../../tools/lib/filters";
import { PROJECT } from "../tools";

function run(tool: string, rest: string) {
  const program = join(PROJECT, "dist", "bin", `${tool}.js`);
  return spawnSync("sh", ["-c", `exec "$0" "$1" ${rest}`, process.execPath, program], { encoding: "utf8" });
}

for (const tool of ["kvm-vmexit-count", "kvm-stat", "kvm-trace"]) {
  test(`${tool} --help on a full disk is one line and status 1`, () => {
    const { status, stderr } = run(tool, "--help >/dev/full");
    assert.match(stderr, /^\S+: cannot write to standard output: ENOSPC.*\n$/);
    assert.equal(status, 1);
  });

  test(`${tool} --help to a closed standard output says so in a line`, () => {
    const { status, stderr } = run(tool, "--help >&-");
    assert.match(stderr, /^kvm-\S+: standard output is closed, or is \/dev\/null: .*; use >FILE\n$/);
    assert.equal(status, 0);
    const discarded = run(tool, "--help >/dev/null");
    assert.deepEqual([discarded.status, discarded.stderr], [0, ""]);
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

test("what is no typo of a word has no suggestion", () => {
  const { status, stderr } = run("kvm-vmexit-slower", "--pancake");
  assert.equal(stderr, "kvm-vmexit-slower: unknown option '--pancake'; see kvm-vmexit-slower --help\n");
  assert.equal(status, 2);
});

test("what an error message quotes can't steer the terminal, nor make it two lines", () => {
  const evil = "$(printf '\\033[2J\\nx')";
  for (const [tool, option] of [
    ["kvm-vmexit-count", "-p"],
    ["kvm-vmexit-hist", "--count"],
    ["kvm-vmexit-slower", ""],
    ["kvm-stat", "-p"],
    ["kvm-stat", "-f '('"],
    ["kvm-stat", "-g"],
  ] as const) {
    const { status, stderr } = run(tool, `${option} "${evil}"`);
    assert.notEqual(status, 0);
    assert.match(stderr, /^[^\p{C}]*\\x1b\[2J[^\p{C}]*\n$/u, tool);
  }
});

test("--unit is an option of every kvm-vmexit-* tool", () => {
  for (const tool of ["count", "time", "hist", "slower"])
    assert.match(run(`kvm-vmexit-${tool}`, "--help").stdout, /^ +--unit /m);
});

test("--user is refused where it can't be", () => {
  const refusals: readonly (readonly [parameters: string, words: RegExp])[] = [
    ["--user daemon", /^kvm-vmexit-count: --user is COMMAND's; give one after --\n$/],
    ["--user root -- true", /^kvm-vmexit-count: --user can't be root\n$/],
    ["--user 0:5 -- true", /^kvm-vmexit-count: --user can't be root\n$/],
    ["--user 'no such' -- true", /^kvm-vmexit-count: --user takes a user of .*, not "no such"\n$/],
  ];
  for (const [parameters, words] of refusals) {
    const { status, stderr } = run("kvm-vmexit-count", parameters);
    assert.match(stderr, words);
    assert.equal(status, 2);
  }
});

test("lists longer than the kernel's filters are refused, with what they hold", () => {
  const pids = Array.from({ length: 1025 }, (_, i) => i + 1).join(",");
  for (const [option, list, most] of [
    ["--vcpu", "0-4096", 4096],
    ["--pid", pids, 1024],
  ] as const) {
    const { status, stderr } = run("kvm-vmexit-count", `${option} ${list}`);
    assert.equal(stderr, `kvm-vmexit-count: ${option} takes ${most} at most, not ${most + 1}; name fewer\n`);
    assert.equal(status, 2);
  }
});

test("VMs without a name are told, and that --vm may have missed them", () => {
  assert.equal(lateNames(0, true), undefined);
  assert.equal(lateNames(1, false), "1 VM ended before its name was read: it has its program's name.");
  assert.match(lateNames(2, true) ?? "", /program's name, and --vm may have left their exits out\.$/);
});

test("why nothing was shown is said without options that weren't given so", () => {
  assert.equal(whyNothing({}, []), "There were no exits; is a VM running?");
  assert.equal(whyNothing({ reasons: "HLT" }, []), "There were no exits of these reasons.");
  assert.equal(
    whyNothing({ vcpu: [0], excludes: "HLT" }, []),
    "There were no exits of these vCPUs, but those left out.",
  );
});
