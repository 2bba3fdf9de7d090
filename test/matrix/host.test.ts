// SPDX-License-Identifier: MIT
// Which instruction set a host has, where KVM is built in for both vendors: only an Intel machine shows a wrong answer.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { ISA, ONLY, WORKLOAD } from "../lab/machine";
import { PROJECT } from "../tools";
import { exitsOf, nameOf } from "./output";

// Folders without `initstate` are those of modules that are built in and have parameters.
const BUILT_IN = `b=$(command -v busybox || echo /bin/busybox); $b mount -t tmpfs none /sys/module
for module in kvm kvm_intel kvm_amd; do $b mkdir -p /sys/module/$module/parameters; done
exec "$@"`;

/** Runs a tool in mounts of its own, in which /sys/module has both vendors' folders. */
function builtIn(tool: string, ...parameters: readonly string[]): string {
  const command = [process.execPath, `${PROJECT}/dist/bin/${tool}.js`, ...parameters];
  const apart = 'exec "$(command -v busybox || echo /bin/busybox)" unshare -m bash -c "$0" bash "$@"';
  const { status, stdout, stderr } = spawnSync("bash", ["-c", apart, BUILT_IN, ...command], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

// Of other architectures KVM has no vendors: these folders are none of its own, and must not mislead.
test("the processor decides whose exits these are", () => {
  const [program = ""] = WORKLOAD.command;
  const { handled, handledReason } = ONLY[ISA] ?? { handled: "--hlt", handledReason: "HLT" };
  const [name, ...command] = [handledReason, program, handled, "23"];
  for (const attach of ["record", "auto"]) {
    const exits = exitsOf(
      builtIn("kvm-vmexit-count", "--attach", attach, "--reasons", name, "--json", "--", ...command),
    );
    assert.deepEqual(
      exits.map((exit) => [nameOf(exit), exit.count.total, exit.isa]),
      [[name, 23, ISA]],
    );
  }
});
