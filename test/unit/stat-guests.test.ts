// SPDX-License-Identifier: MIT
// The processes that run VMs, and what their VMs are called.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { Processes } from "../../src/stat/guests";

const VM = "anon_inode:kvm-vm";
const FILE = "/dev/null";

interface Process {
  readonly pid: number;
  readonly line?: string;
  readonly comm?: string;
  /** What its file descriptors 0, 1 and so on lead to. */
  readonly files?: readonly string[];
  /** The process, if this is one of its threads. */
  readonly group?: number;
}

function machineOf(...all: readonly Process[]): { root: string; processes: Processes } {
  const root = mkdtempSync(join(tmpdir(), "proc-"));
  for (const { pid, line = "", comm = "", files = [], group = pid } of all)
    for (const folder of group === pid ? [`proc/${pid}`] : [`proc/${pid}`, `proc/${group}/task/${pid}`]) {
      mkdirSync(join(root, folder, "fd"), { recursive: true });
      writeFileSync(join(root, folder, "cmdline"), line);
      writeFileSync(join(root, folder, "comm"), `${comm}\n`);
      writeFileSync(join(root, folder, "status"), `Name:\t${comm}\nTgid:\t${group}\nPid:\t${pid}\n`);
      files.forEach((target, file) => {
        symlinkSync(target, join(root, folder, "fd", String(file)));
      });
    }
  return { root, processes: new Processes(root) };
}

const QEMU: Process = {
  pid: 7,
  line: "/usr/bin/qemu-system-x86_64\0-name\0guest=a,debug-threads=on\0",
  files: [FILE, VM],
};

test("guests are the processes that run VMs, by the suite's names of VMs", () => {
  const { processes } = machineOf(
    QEMU,
    { pid: 30, line: "cloud-hypervisor\0--api-socket\0/run/web.sock\0", files: [VM] },
    { pid: 31, line: "./my-vmm\0", comm: "my-vmm", files: [VM] },
    { pid: 40, line: "qemu-system-x86_64\0-name\0a\0", files: [FILE] },
    { pid: 41, line: "bash\0" },
  );
  assert.deepEqual(processes.guests(), [
    { pid: 7, name: "a" },
    { pid: 30, name: "web" },
    { pid: 31, name: "my-vmm" },
  ]);
  assert.deepEqual(processes.pidsOf("a"), [7], "one that runs no VM is no guest");
  assert.deepEqual(processes.pidsOf("w"), []);
  assert.deepEqual(
    [7, 31, 41, 99].map((pid) => processes.nameOf(pid)),
    ["a", "my-vmm", "", ""],
  );
  assert.deepEqual(
    [7, 31, 41, 99].map((pid) => processes.toldNameOf(pid)),
    ["a", "", "", ""],
    "a process's name is nothing that a VMM was told",
  );
  assert.deepEqual(
    [7, 8, 41].map((pid) => processes.isRunning(pid)),
    [true, false, true],
  );
  assert.deepEqual(
    [7, 41, 8].map((pid) => processes.runsVm(pid)),
    [true, false, false],
  );
});

test("a thread's process is found, and which processes have a VM under a file descriptor", () => {
  const { processes } = machineOf(QEMU, { pid: 9, group: 7, files: [FILE, VM] }, { pid: 30, files: [VM] });
  assert.deepEqual(
    [9, 7, 8].map((id) => processes.processOf(id)),
    [7, 7, undefined],
  );
  assert.ok(processes.havingVm(1).includes(7));
  assert.deepEqual(processes.havingVm(0), [30]);
});

test("a VMM whose first thread has ended is known by its other threads", () => {
  const { processes } = machineOf({ pid: 7 }, { ...QEMU, pid: 8, group: 7 });
  assert.equal(processes.nameOf(7), "a");
  assert.equal(processes.runsVm(7), true);
  assert.ok(processes.havingVm(1).includes(7));
});

test("a command line of a stranger's length costs no memory", () => {
  const { root, processes } = machineOf(QEMU, { pid: 8, line: "", comm: "fat", files: [VM] });
  truncateSync(join(root, "proc", "8", "cmdline"), 2 ** 33);
  const before = process.memoryUsage().rss;
  assert.deepEqual(processes.pidsOf("fat"), [8]);
  assert.ok(process.memoryUsage().rss - before < 2 ** 26);
});
