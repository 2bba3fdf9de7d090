// Guests' names in QEMU's command lines.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { Processes, nameInCommandLine } from "../../src/stat/guests";

const NAMES: [line: string[], name: string][] = [
  [["qemu", "-name", "vm1"], "vm1"],
  [["qemu", "-name", "guest=vm1,debug-threads=on", "-m", "1"], "vm1"],
  [["qemu", "-name", "debug-threads=on,guest=a=b"], "a=b"],
  [["qemu", "-name", "guest=first,plain"], "plain"],
  [["qemu", "-name", "a,,b,process=x"], "a,b"],
  [["qemu", "-name", "guest=a,,,debug-threads=on"], "a,"],
  [["qemu", "-name", "debug-threads=on"], ""],
  [["qemu", "-name"], ""],
  [["qemu", "-m", "1"], ""],
];

for (const [line, name] of NAMES)
  test(`${line.join(" ")} is ${JSON.stringify(name)}`, () => {
    assert.equal(nameInCommandLine(line), name);
  });

test("processes are found by guest, and a thread's process by its id", () => {
  const root = mkdtempSync(join(tmpdir(), "proc-"));
  for (const [pid, line] of [
    [7, "qemu\0-name\0vm\0"],
    [30, "qemu\0-name\0guest=vm\0"],
    [100, "bash\0"],
  ] as const) {
    mkdirSync(join(root, String(pid)));
    writeFileSync(join(root, String(pid), "cmdline"), line);
  }
  writeFileSync(join(root, "30", "status"), "Name:\tqemu\nTgid:\t7\nPid:\t30\n");
  const processes = new Processes(root);
  assert.deepEqual(processes.guests(), [
    { pid: 7, name: "vm" },
    { pid: 30, name: "vm" },
  ]);
  assert.deepEqual(processes.pidsOf("vm"), [7, 30]);
  assert.deepEqual(processes.pidsOf("v"), []);
  assert.deepEqual(
    [7, 8, 100].map((pid) => processes.isRunning(pid)),
    [true, false, true],
  );
  assert.deepEqual(
    [30, 7, 8].map((id) => processes.processOf(id)),
    [7, 7, 8],
  );
});
