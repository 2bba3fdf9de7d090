// Exits of a nested guest: L2 has exactly what the guest in the guest does.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { PROJECT, run } from "../tools";
import { WORKLOAD, assertPromised } from "../lab/counts";

const NESTED = join(PROJECT, "test", "lab", "nested");

const COUNT = [process.execPath, join(PROJECT, "dist", "tools", "kvm-vmexit-count.js")];

for (const attach of ["direct", "record"])
  test(`${attach}: the L2 column holds exactly the nested guest's exits, in a recording too`, () => {
    const folder = mkdtempSync(join(tmpdir(), "nested-"));
    const file = join(folder, "trace.bin");
    try {
      const live = [...COUNT, "--attach", attach, "--", NESTED, ...WORKLOAD];
      const result = run("kvm-trace", "record", "--events", "entry,exit,nested", "-o", file, "--", ...live);
      const found = assertPromised(result, 1, 2);
      assert.ok((found.get("VMRUN")?.[1] ?? 0) > 100, "L1 enters L2 by VMRUN");
      assert.equal(found.get("VMRUN")?.[2], 0);
      assert.doesNotMatch(result.stderr, /Lost/);
      assert.deepEqual(assertPromised(run("kvm-trace", "report", file), 1, 2), found);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
