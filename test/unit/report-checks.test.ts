// SPDX-License-Identifier: MIT
// --fail-if of kvm-vmexit report: what a limit means where there is nothing, no time, or nothing before.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { parseCondition } from "../../src/report/condition";
import { run } from "../tools";
import { ABOUT, CPUID, HLT, MSR, type Row, line, splitLine } from "./saved";

const FOLDER = mkdtempSync(join(tmpdir(), "checks-"));
after(() => {
  rmSync(FOLDER, { recursive: true });
});

function fileOf(name: string, content: string): string {
  const path = join(FOLDER, name);
  writeFileSync(path, content);
  return path;
}

/** The status and the lines about conditions. */
function judged(conditions: readonly string[], ...parameters: readonly string[]) {
  const options = conditions.flatMap((condition) => ["--fail-if", condition]);
  const { status, stderr } = run("kvm-vmexit-report", ...options, ...parameters);
  return { status, lines: stderr.split("\n").filter((text) => /--fail-if|^Failed/.test(text)) };
}

const still = (text: string) => text.replace('"durationNs":1000000000', '"durationNs":0');
const ROWS: readonly Row[] = [
  [7, 0, CPUID, [1000, 1100, 90_000]],
  [7, 0, HLT, [50_000]],
];

test("a rise from nothing is more than any change in per cent; from nothing to nothing is none", () => {
  const before = fileOf("before", line(0, ROWS));
  const later = fileOf(
    "later",
    line(1, [...ROWS, [7, 0, MSR, [700, 900]]]).replace('"missedEvents":0', '"missedEvents":2'),
  );
  for (const measure of ["count", "rate", "time", "share", "avg", "max", "p50", "p99", "p999"]) {
    const { status, lines } = judged([`${measure}(MSR) > +500%`], before, later);
    assert.equal(status, 4, measure);
    assert.match(
      lines.join(),
      /(it was 0.* and|there was no such exit before; it) is .*, a rise from nothing, which is more than any bound$/,
    );
    assert.equal(
      judged([`${measure}(MSR) < -10%`, `${measure}(INTR) > +5%`], before, later).status,
      0,
      measure,
    );
  }
  assert.match(
    judged(["lost > +5%"], before, later).lines.join(),
    /: it was 0 and is 2, a rise from nothing/,
  );
  assert.equal(judged(["lost > +5%"], later, before).status, 0);
  assert.equal(judged(["p99(MSR) > +5%"], later, before).status, 0, "there is no such exit after");
});

test("a reason has the same names in conditions, --per and filters: numbers, aliases and what tables print", () => {
  const path = fileOf("named", line(0, ROWS));
  for (const word of ["CPUID", "cpuid", "114", "0x72", "0X72"]) {
    assert.equal(judged([`count(${word}) > 2`], path).status, 4, word);
    const { status, stdout } = run("kvm-vmexit-report", "--per", word, path, path);
    assert.equal(status, 0, word);
    assert.match(stdout, /^114 CPUID +1\.00 /m, word);
    assert.match(run("kvm-vmexit-report", "--reasons", word, path).stdout, /CPUID +3/, word);
  }
  const arm = (reason: number) =>
    line(0, ROWS)
      .replaceAll('"isa":"svm"', '"isa":"arm64"')
      .replaceAll('"reason":114', `"reason":${reason}`)
      .replaceAll('"reason":120', '"reason":0');
  for (const word of ["WFx", "TRAP WFX", "0x201", "513"])
    assert.equal(judged([`count(${word}) > 2`], fileOf("arm", arm(0x201))).status, 4, word);
  const vmx = line(0, ROWS)
    .replaceAll('"isa":"svm"', '"isa":"vmx"')
    .replaceAll('"reason":114', `"reason":${2 ** 31 + 31}`)
    .replaceAll('"reason":120', '"reason":12');
  for (const word of ["MSR_READ FAILED_VMENTRY", "rdmsr failed_vmentry", "0x8000001f"]) {
    assert.equal(judged([`count(${word}) > 2`], fileOf("vmx", vmx)).status, 4, word);
    assert.match(
      run("kvm-vmexit-report", "--reasons", word, fileOf("vmx", vmx)).stdout,
      /FAILED_VMENTRY +3/,
      word,
    );
  }
  assert.throws(() => parseCondition("max(MSR:0x6e0) > 1us"), /choose it by --reasons MSR:0x6e0/);
});

test("a condition about nothing that could be there is refused; a reason that didn't occur is 0", () => {
  const path = fileOf("some", line(0, ROWS));
  const none = fileOf("none", line(0, []));
  const split = fileOf("split", splitLine(0, [[7, 0, 600, 100, 200, 100]]));
  for (const [condition, parameters, why] of [
    ["max(EPT_VIOLATION) > 1us", [path], /: "EPT_VIOLATION" is not an exit reason of svm; the nearest are /],
    ["count(12) > 0", [path], /"12" is not an exit reason of svm; HLT is 120 here/],
    ["rate > +5%", [path, none], /none" of a VM and vCPU that are looked at/],
    ["max > 20us", [none], /there is no exit in .*none"/],
    ["max > 20us", ["--vm", "nope", path], /there is no exit in .*some" of a VM/],
    ["max(MSR) > 20us", ["--pid", "8", path], /there is no exit /],
    ["count(MSR) > 0", ["--vcpu", "3", path], /there is no exit /],
    ["share(waiting) > 5%", ["--vm", "nope", split], /there is no vCPU that is looked at in .*split"/],
  ] as const) {
    const { status, lines } = judged([condition], ...parameters);
    assert.equal(status, 2, condition);
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines.join(), /^kvm-vmexit-report: --fail-if .* judges nothing: /);
    assert.match(lines.join(), why);
  }
  assert.equal(
    judged(["max(MSR) > 20us", "count(MSR) > 0", "share(MSR) > 1%", "time(MSR) > 0"], path).status,
    0,
  );
  assert.equal(judged(["lost > 0"], none).status, 0);
  // Reasons that were left out as it was saved may have been there.
  const options = { ...ABOUT.options, reasons: "MSR" };
  const chosen = fileOf("chosen", line(0, [], { about: { ...ABOUT, options } }));
  assert.equal(judged(["max(MSR) > 20us"], chosen).status, 0);
});

test("what can't be calculated fails as not known", () => {
  const no = fileOf("no-time", still(line(0, ROWS)));
  const idle = fileOf("idle", line(0, [[7, 0, HLT, [5000]]]));
  const untimed = fileOf(
    "untimed",
    line(0, ROWS)
      .replace(
        '"timed":{"total":1,"l1":1,"l2":0},"timeNs":{"total":50000,"l1":50000,"l2":0}',
        '"timed":{"total":0,"l1":0,"l2":0},"timeNs":{"total":0,"l1":0,"l2":0}',
      )
      .replace(
        '"histogram":{"total":[[49152,57343,1]],"l1":[[49152,57343,1]]',
        '"histogram":{"total":[],"l1":[]',
      ),
  );
  for (const [condition, parameters, why] of [
    ["rate(MSR) > 5/s", [no], "it isn't known: no time was measured"],
    ["max(HLT) > 1s", [untimed], "it isn't known: no such exit has a time"],
    ["p99(HLT) > 1s", [untimed], "it isn't known: no such exit has a time"],
    [
      "lost > 3",
      [fileOf("lost", line(0, ROWS).replace(/"lost":\{[^}]*\}/, '"lost":null'))],
      "it isn't known: how much was lost",
    ],
    [
      "share(waiting) > 5%",
      [fileOf("split", splitLine(0, [[7, 0, 0, 0, 0, 0]]))],
      "it isn't known: no time was measured",
    ],
  ] as const) {
    const { status, lines } = judged([condition], ...parameters);
    assert.deepEqual([status, lines], [4, [`Failed: ${condition}: ${why}`]]);
  }
  // A part of all exits where it is idle, so that it is 100 % at most.
  assert.deepEqual(judged(["share(HLT) > 1%"], idle).lines, ["Failed: share(HLT) > 1%: it is 100.0%"]);
  assert.throws(() => parseCondition("share(MSR) > 101%"), /a share is 100% at most/);
  const gap = fileOf(
    "gap",
    `${line(0, ROWS)}\n${line(1, ROWS)
      .replaceAll(/,"histogram":\{[^}]*\}/g, "")
      .replace('"histograms":true', '"histograms":false')}`,
  );
  assert.match(judged(["p99 > 1s"], gap).lines.join(), /needs histograms of all intervals \(1 have none\), /);
});
