// What a machine may lack: each gets one line with the command that mends it, and status 1. Runs last, as it takes apart.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "node:test";
import { PROJECT, run } from "../tools";

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

test("without tracefs", () => {
  must(
    "umount /sys/kernel/debug/tracing 2>/dev/null; umount /sys/kernel/tracing && umount /sys/kernel/debug",
  );
  refused(/tracefs is not mounted; run: sudo mount -t tracefs tracefs \/sys\/kernel\/tracing/);
  must("mount -t tracefs tracefs /sys/kernel/tracing && mount -t debugfs debugfs /sys/kernel/debug");
});

test("without /dev/kvm", () => {
  must("mv /dev/kvm /dev/kvm.away");
  refused(/there is no \/dev\/kvm; .* sudo mknod \/dev\/kvm c 10 232/);
  must("mv /dev/kvm.away /dev/kvm");
});

test("without KVM's modules", () => {
  must("rmmod kvm_amd && rmmod kvm");
  refused(/KVM is not loaded; run: sudo modprobe kvm_amd/);
  assert.doesNotMatch(readFileSync("/proc/modules", "utf8"), /^kvm/m);
});
