// SPDX-License-Identifier: MIT
// --fail-if and --junit of live runs, each tool: a limit that is exceeded and one that is kept, of exact counts where there are such.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { escaped } from "../../src/report/junit";
import { GUEST, run } from "../tools";

const FOLDER = mkdtempSync(join(tmpdir(), "limits-"));
after(() => {
  rmSync(FOLDER, { recursive: true });
});

// The write that ends the vCPU is one more of IOIO, and of IO to the VMM.
const COMMAND = ["--", GUEST, "--cpuid", "307", "--out", "41", "--wrmsr", "43"];

/** A condition that holds, and what is found then, as a pattern. */
type Exceeded = readonly [condition: string, found: string];

const TIME = String.raw`it is [\d.]+ [mun]?s`;

/** Of each tool: two limits that are exceeded, and one that is kept. */
const LIMITS: readonly (readonly [tool: string, exceeded: readonly [Exceeded, Exceeded], kept: string])[] = [
  [
    "count",
    [
      ["count(CPUID) >= 307", "it is 307"],
      ["rate(MSR) > 0/s", String.raw`it is [\d.e+]+/s`],
    ],
    "count(CPUID) > 307",
  ],
  [
    "time",
    [
      ["max(MSR) > 1ns", TIME],
      ["p99 > 1ns", TIME],
    ],
    "max(MSR) > 3600s",
  ],
  [
    "hist",
    [
      ["p50(CPUID) > 1ns", TIME],
      ["count(MSR) <= 43", "it is 43"],
    ],
    "p999(CPUID) > 3600s",
  ],
  [
    "vmm",
    [
      ["count(IO) > 41", "it is 42"],
      ["avg(IO) > 1ns", TIME],
    ],
    "count(IO) > 42",
  ],
  [
    "split",
    [
      ["count(returns) >= 42", String.raw`it is \d+`],
      ["share(guest) < 100%", String.raw`it is [\d.]+%`],
    ],
    "share(waiting) > 100%",
  ],
];

for (const [tool, exceeded, kept] of LIMITS)
  test(`${tool}: limits that are exceeded end it with 4, a line each and failures in JUnit XML; one that is kept with 0`, () => {
    const junit = join(FOLDER, "junit.xml");
    const limits = [kept, ...exceeded.map(([condition]) => condition)].flatMap((text) => ["--fail-if", text]);
    const { status, stdout, stderr } = run("kvm-vmexit", tool, ...limits, "--junit", junit, ...COMMAND);
    assert.equal(status, 4, stderr);
    assert.notEqual(stdout, "");
    const said = stderr.split("\n").filter((line) => line.startsWith("Failed: "));
    assert.equal(said.length, exceeded.length, stderr);
    const cases = exceeded.map(([condition, pattern], at) => {
      const [, found = ""] = new RegExp(`^Failed: .*: (${pattern})$`).exec(said[at] ?? "") ?? [];
      assert.equal(said[at], `Failed: ${condition}: ${found}`);
      return `  <testcase classname="kvm-vmexit-${tool}" name="${escaped(condition)}">\n    <failure message="${found}"/>\n  </testcase>\n`;
    });
    assert.equal(
      readFileSync(junit, "utf8"),
      `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="kvm-vmexit-${tool}" tests="3" failures="2">
  <testcase classname="kvm-vmexit-${tool}" name="${escaped(kept)}"/>
${cases.join("")}</testsuite>
`,
    );
    const all = run("kvm-vmexit", tool, "--fail-if", kept, "--junit", junit, ...COMMAND);
    assert.equal(all.status, 0, all.stderr);
    assert.doesNotMatch(all.stderr, /Failed/);
    assert.match(readFileSync(junit, "utf8"), /tests="1" failures="0">\n {2}<testcase [^<>]*\/>\n<\/test/);
  });
