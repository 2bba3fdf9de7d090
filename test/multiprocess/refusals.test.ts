// SPDX-License-Identifier: MIT
// What a machine may lack: each gets one line with the command that mends it, and status 1. Runs last, as it takes apart.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "node:test";
import { GUEST, PROJECT, run } from "../tools";

const TOOL = "kvm-vmexit-count";

function must(command: string): void {
  const result = spawnSync("sh", ["-c", command], { encoding: "utf8" });
  assert.equal(result.status, 0, `${command}: ${result.stderr}`);
}

function refused(expected: RegExp, result = run(TOOL, "-d", "0.1")): void {
  assert.equal(result.status, 1, result.stderr);
  assert.equal(result.stdout, "");
  assert.match(result.stderr, expected);
  assert.equal(result.stderr.trimEnd().split("\n").length, 1, result.stderr);
}

/** Runs a tool as nobody, with these capabilities of root's. */
function withCapabilities(capabilities: string, tool: string, ...parameters: string[]) {
  const command = [
    "--reuid=65534",
    "--clear-groups",
    `--inh-caps=${capabilities}`,
    `--ambient-caps=${capabilities}`,
  ];
  return spawnSync(
    "setpriv",
    [...command, process.execPath, `${PROJECT}/dist/bin/${tool}.js`, ...parameters],
    { encoding: "utf8" },
  );
}

test("without privileges", () => {
  refused(
    /needs root, or CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH .*; run it with sudo/,
    withCapabilities("-all", TOOL, "-d", "0.1"),
  );
  refused(
    /needs root, or CAP_SYS_ADMIN; run it with sudo/,
    withCapabilities("+bpf,+perfmon,+dac_read_search", TOOL, "-d", "0.1"),
  );
});

for (const [tool, ...parameters] of [
  [TOOL, "--attach", "direct", "-d", "0.1"],
  [TOOL, "--attach", "record", "-d", "0.1"],
  ["kvm-stat", "-1"],
  ["kvm-trace", "record", "-o", "/tmp/nobody/kvm.bin", "-d", "0.1"],
] as const)
  test(`the capabilities that a refusal names are enough: ${tool} ${parameters.join(" ")}`, () => {
    must("install -d -m 777 /tmp/nobody");
    const { status, stderr } = withCapabilities("+sys_admin,+dac_read_search", tool, ...parameters);
    assert.equal(status, 0, stderr);
  });

test("a process can't be chosen by its id in a pid namespace", () => {
  const inside = (tool: string, ...parameters: string[]) =>
    spawnSync(
      "unshare",
      ["-pf", "--mount-proc", process.execPath, `${PROJECT}/dist/bin/${tool}.js`, ...parameters],
      { encoding: "utf8" },
    );
  const needs = /needs the host's process ids, and this runs in a pid namespace; run it on the host/;
  refused(needs, inside(TOOL, "-p", "1", "-d", "0.1"));
  refused(needs, inside(TOOL, "--vm", "web*", "-d", "0.1"));
  refused(needs, inside("kvm-stat", "-1", "-p", "4242"));
  refused(needs, inside("kvm-stat", "-1", "-g", "web"));
  refused(needs, inside("kvm-trace", "record", "-o", "/tmp/none", "-p", "1", "-d", "0.1"));
  assert.equal(inside("kvm-stat", "-1").status, 0);
});

/** Runs a shell in mounts of its own: what it mounts is seen by its children only. */
function apart(script: string) {
  return spawnSync("unshare", ["-m", "sh", "-c", script], { encoding: "utf8" });
}

const TOOL_RUNS = `${process.execPath} ${PROJECT}/dist/bin/${TOOL}.js -d 0.1`;
/** The shell's commands that a refusal tells, as root types them. */
const mendOf = (stderr: string) => (/ run: (.*)$/m.exec(stderr)?.[1] ?? "false").replaceAll("sudo ", "");

for (const [what, taken, expected] of [
  [
    "without tracefs",
    "umount /sys/kernel/debug/tracing 2>/dev/null; umount /sys/kernel/tracing && umount /sys/kernel/debug",
    /tracefs is not mounted; run: sudo mount -t tracefs tracefs \/sys\/kernel\/tracing/,
  ],
  [
    "an empty file system over tracefs, without debugfs",
    "mount -t tmpfs none /sys/kernel/tracing; umount /sys/kernel/debug/tracing 2>/dev/null; umount /sys/kernel/debug",
    /tracefs is not mounted; run: sudo mount -t tracefs tracefs \/sys\/kernel\/tracing/,
  ],
  ["without /proc", "umount -l /proc", /\/proc is not mounted; run: sudo mount -t proc proc \/proc/],
  [
    "without /dev/kvm",
    "mount -t tmpfs none /dev",
    /there is no \/dev\/kvm; run: sudo mknod \/dev\/kvm c 10 232/,
  ],
] as const)
  test(`${what}, and what mends it`, () => {
    const result = apart(`${taken}; ${TOOL_RUNS}`);
    refused(expected, result);
    const mended = apart(`${taken}; ${mendOf(result.stderr)} && ${TOOL_RUNS}`);
    assert.equal(mended.status, 0, mended.stderr);
  });

for (const [what, taken] of [
  ["tracefs within debugfs only", "umount /sys/kernel/tracing"],
  ["an empty file system over tracefs", "mount -t tmpfs none /sys/kernel/tracing"],
  [
    "tracefs elsewhere only",
    'umount /sys/kernel/tracing; umount /sys/kernel/debug; mkdir "/tmp/my traces"; mount -t tracefs none "/tmp/my traces"',
  ],
  ["/proc with processes only", "mount -t proc -o subset=pid proc /proc"],
  [
    "both vendors' modules built in",
    "mount -t tmpfs none /sys/module; for m in kvm kvm_intel kvm_amd; do mkdir -p /sys/module/$m/parameters; done",
  ],
] as const)
  test(`everything works with ${what}`, () => {
    const tool = (name: string, parameters: string) => `node ${PROJECT}/dist/bin/${name}.js ${parameters}`;
    for (const attach of ["direct", "record"]) {
      const { status, stdout, stderr } = apart(
        `${taken}; ${tool(TOOL, `--attach ${attach} --json --reasons CPUID`)} -- ${GUEST} --cpuid 23`,
      );
      assert.equal(status, 0, stderr);
      assert.match(stdout, /"name":"CPUID".*"count":\{"total":23\b/, stderr);
    }
    const batch = apart(`${taken}; ${tool("kvm-stat", "-1 -t")}`);
    assert.equal(batch.status, 0, batch.stderr);
    const record = apart(`${taken}; ${tool("kvm-trace", "record -o /tmp/apart.bin -d 0.1")}`);
    assert.equal(record.status, 0, record.stderr);
  });

test("without KVM's modules", () => {
  must("rmmod kvm_amd && rmmod kvm");
  refused(/KVM is not loaded; run: sudo modprobe kvm_amd/);
  assert.doesNotMatch(readFileSync("/proc/modules", "utf8"), /^kvm/m);
});
