// SPDX-License-Identifier: MIT
// The lab itself: its command line, its streams and statuses, its ground truth; runs on the host and boots machines.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { GUEST, PROJECT } from "../tools";

const RUN = join(PROJECT, "lab", "run");

/** Runs the lab from another folder than the project's, as a user may. */
function lab(parameters: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(RUN, parameters, {
    cwd: "/",
    env: { ...process.env, ...environment },
    maxBuffer: 64 << 20,
  });
  return { status, stdout, stderr };
}

for (const [line, expected] of [
  ["", /^LAB: no command; see lab\/run --help\n$/],
  ["--bogus true", /^LAB: unknown option '--bogus'; .*\n$/],
  ["--kernel", /^LAB: --kernel needs a value\n$/],
  ["--kernel lenny true", /^LAB: --kernel takes .*, not 'lenny'\n$/],
  ["--cpu=mips true", /^LAB: --cpu takes .*, not 'mips'\n$/],
  ["--cpus 0 true", /^LAB: --cpus takes a number from 1 to 64, not '0'\n$/],
  ["--mem 1e9 true", /^LAB: --mem takes a number .*, not '1e9'\n$/],
  ["--timeout -1 true", /^LAB: --timeout takes a number .*, not '-1'\n$/],
  ["--icount --cpus 2 true", /^LAB: --icount has one CPU\n$/],
  ["--cpu vmx --copy /nowhere true", /^LAB: --copy: there is no \/nowhere\n$/],
  ["--tty true", /^LAB: --tty needs a terminal on stdin and stdout\n$/],
] as const) {
  test(`run ${line}: a usage error`, () => {
    const { status, stdout, stderr } = lab(line.split(" ").filter(Boolean));
    assert.match(stderr.toString(), expected);
    assert.equal(stdout.length, 0);
    assert.equal(status, 2);
  });
}

test("--help ends with examples and is no error", () => {
  const { status, stdout, stderr } = lab(["--help"]);
  assert.match(stdout.toString(), /\nexamples:\n( {2}lab\/run .*\n)+$/);
  assert.equal(stderr.length, 0);
  assert.equal(status, 0);
});

test("without a network and with an empty cache one line says what is missing and what to do", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "lab-test-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  // Nothing listens on the discard port of the loopback.
  writeFileSync(join(folder, "apt.conf"), 'Acquire { http::Proxy "http://127.0.0.1:9"; Retries 0; };\n');
  const { status, stdout, stderr } = lab(["true"], {
    XDG_CACHE_HOME: join(folder, "cache"),
    APT_CONFIG: join(folder, "apt.conf"),
  });
  assert.match(
    stderr.toString(),
    /^LAB: fetching .*\nLAB: .* is not in .* can't be fetched .*: run this once .*\n$/,
  );
  assert.equal(stdout.length, 0);
  assert.equal(status, 125);
  assert.deepEqual(readdirSync(join(folder, "cache", "kvm-vmexit", "kernels")), []);
});

test("streams come back apart and byte for byte, with the status, from the project's folder", () => {
  const script = String.raw`
    const bytes = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 7 + (i >> 8)) & 255));
    process.stdout.write(bytes);
    process.stderr.write(JSON.stringify([process.cwd(), process.argv.slice(1)]) + "\r\n\0\n");
    process.exitCode = 7;
  `;
  const words = ["with a space", "it's", '"quoted"', "two\nlines\n", "$HOME `id` \\", "", "*", "é€"];
  const { status, stdout, stderr } = lab(["--", "node", "-e", script, "--", ...words]);
  const expected = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 7 + (i >> 8)) & 255));
  assert.ok(stdout.equals(expected), `stdout has ${String(stdout.length)} bytes, or other ones`);
  assert.equal(stderr.toString(), JSON.stringify([PROJECT, words]) + "\r\n\0\n");
  assert.equal(status, 7);
});

test("a command that a signal ends has the status that a shell gives it", () => {
  assert.equal(lab(["bash", "-c", "kill -TERM $$"]).status, 128 + 15);
});

test("a command that runs too long is status 124, and what it said is not lost", () => {
  const { status, stdout, stderr } = lab(["--timeout", "30", "bash", "-c", "echo early; sleep 1000"]);
  assert.equal(stdout.toString(), "early\n");
  assert.match(stderr.toString(), /^LAB: the time is over: 30 s \(--timeout\)\n$/);
  assert.equal(status, 124);
});

for (const [signal, expected] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`${signal} ends the machine and leaves nothing behind`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "lab-test-"));
    t.after(() => {
      rmSync(folder, { recursive: true });
    });
    const child = spawn(RUN, ["sleep", "1000"], { stdio: "ignore", env: { ...process.env, TMPDIR: folder } });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const children = readFileSync(`/proc/${String(child.pid)}/task/${String(child.pid)}/children`, "utf8");
    const ids = children.trim().split(" ").map(Number);
    assert.ok(ids.length >= 4, `an emulator, two readers and an alarm, not ${children}`);
    child.kill(signal);
    assert.deepEqual(await once(child, "exit"), [expected, null]);
    assert.deepEqual(readdirSync(folder), []);
    for (const id of ids) assert.throws(() => process.kill(id, 0), /ESRCH/);
  });
}

test("a kernel that panics is reported, with status 125", () => {
  const { status, stderr } = lab(["bash", "-c", "echo c >/proc/sysrq-trigger"]);
  assert.match(
    stderr.toString(),
    /^LAB: the kernel complained:\n.*Kernel panic - not syncing: sysrq triggered crash/,
  );
  assert.match(stderr.toString(), /\nLAB: the machine ended before the command did\n$/);
  assert.equal(status, 125);
});

test("the guest exits as often as it promises, by the kernel's own tracing", () => {
  const script = `
    cd /sys/kernel/tracing
    echo 1 >events/kvm/kvm_exit/enable
    ${GUEST} --cpuid 23 --out 31 --in 29 --hlt 37 --rdmsr 41 --wrmsr 43 --mmio 47 --hypercall 53 --fail-entry 5
    echo 0 >events/kvm/kvm_exit/enable
    grep -o 'reason [a-z0-9_]*' trace`;
  const { status, stdout } = lab(["bash", "-c", script]);
  const counts = new Map<string, number>();
  for (const reason of stdout.toString().split("\n")) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  assert.equal(status, 0);
  for (const [reason, expected] of [
    ["cpuid", 23],
    ["io", 31 + 29 + 1],
    ["hlt", 37],
    ["msr", 41 + 43],
    ["hypercall", 53],
    ["0xffffffff", 5],
    ["npf", 47 + 1],
  ] as const) {
    assert.equal(counts.get(`reason ${reason}`), expected, reason);
  }
});

test("under --icount a loop takes the same number of instructions in each run", () => {
  const { status, stdout } = lab([
    "--icount",
    "bash",
    "-c",
    `${GUEST} --cpuid 20000 --time; ${GUEST} --cpuid 20000 --time`,
  ]);
  const [first = NaN, second = NaN] = stdout
    .toString()
    .split("\n")
    .map((line) => parseFloat(line));
  assert.equal(status, 0);
  assert.ok(Math.abs(first - second) < 10, `${String(first)} and ${String(second)} ns per turn`);
});
