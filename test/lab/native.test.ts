// The addon alone: misuse throws, a refused program is shown with the verifier's last lines, closing gives all back.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { type Session, openSession } from "../../src/native";
import { GUEST, PROJECT } from "../tools";

interface Addon {
  Session: new (options: unknown) => Session;
}

const addon: { exports: object } = { exports: {} };
process.dlopen(addon, join(PROJECT, "build", "Release", "vmexit.node"));
const { Session: Native } = addon.exports as Addon;

const OBJECT = join(PROJECT, "dist", "bpf", "vmexit.x64.bpf.o");
const GOOD = { object: OBJECT, attach: "auto", timing: true, histograms: false, details: false, maxVcpus: 8 };

const openFiles = () => readdirSync("/proc/self/fd").length;

for (const [what, options, expected] of [
  ["no options", undefined, /options must be an object/],
  ["an object that is no string", { ...GOOD, object: 1 }, /object must be a string/],
  ["an unknown way to attach", { ...GOOD, attach: "best" }, /attach must be/],
  ["timing that is no boolean", { ...GOOD, timing: 1 }, /timing must be a boolean/],
  ["no vCPUs", { ...GOOD, maxVcpus: 0 }, /maxVcpus must be a whole number from 1/],
  ["half a vCPU", { ...GOOD, maxVcpus: 1.5 }, /maxVcpus must be a whole number from 1/],
  ["too many vCPUs", { ...GOOD, maxVcpus: 1e6 }, /maxVcpus must be a whole number from 1 to 131072/],
  ["pids that are no array", { ...GOOD, pids: 1 }, /pids must be an array of at most 1024/],
  ["a pid that is no number", { ...GOOD, pids: ["1"] }, /pids must be a whole number/],
  ["too many pids", { ...GOOD, pids: Array(2000).fill(1) }, /pids must be an array of at most 1024/],
  [
    "a file that isn't there",
    { ...GOOD, object: "/nonexistent" },
    /cannot open the BPF object \/nonexistent/,
  ],
  ["a file that is no object", { ...GOOD, object: "/etc/passwd" }, /cannot open the BPF object/],
] as const)
  test(`${what}: throws`, () => {
    assert.throws(() => new Native(options), expected);
  });

test("a closed session throws, and closes again without harm", () => {
  const session = openSession({
    attach: "auto",
    timing: false,
    histograms: false,
    details: false,
    maxVcpus: 8,
  });
  session.close();
  session.close();
  assert.throws(() => session.snapshot(), /the session is closed/);
  assert.throws(() => {
    session.stop();
  }, /the session is closed/);
});

test("a method borrowed by another object throws", () => {
  const borrower = Object.create(Native.prototype as object) as Session;
  assert.throws(() => borrower.snapshot());
});

test("a program that the verifier refuses is named, with the last lines of its log", () => {
  const object = join(PROJECT, "build", "lab", "refused.bpf.o");
  assert.throws(
    () => new Native({ ...GOOD, object, attach: "direct", timing: false }),
    /^Error: the kernel's verifier refuses the BPF program direct_exit_svm_\w+:\n(.*\n)*.*processed \d+ insns/,
  );
});

test("opened and closed often, it leaves no file behind", () => {
  const before = openFiles();
  for (let i = 0; i < 50; i++)
    openSession({
      attach: "auto",
      timing: i % 2 === 0,
      histograms: i % 2 === 0,
      details: false,
      maxVcpus: 8,
    }).close();
  assert.equal(openFiles(), before);
});

test("two sessions count the same exits, each on its own", () => {
  const [one, two] = [1, 2].map(() =>
    openSession({ attach: "auto", timing: false, histograms: false, details: false, maxVcpus: 8 }),
  );
  assert.ok(one && two);
  spawnSync(GUEST, ["--cpuid", "19"]);
  one.close();
  spawnSync(GUEST, ["--cpuid", "10"]);
  two.stop();
  const { slots } = two.snapshot();
  const count = slots.reason.reduce(
    (sum, reason, i) => sum + (reason === 114 ? (slots.count[i] ?? 0) : 0),
    0,
  );
  assert.equal(count, 29);
  two.close();
});
