// Exits of a nested guest: L2 has exactly what the guest in the guest does.
import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import { PROJECT, run } from "../tools";
import { WORKLOAD, assertPromised } from "../lab/counts";

const NESTED = join(PROJECT, "test", "lab", "nested");

for (const attach of ["direct", "record"])
  test(`${attach}: the L2 column holds exactly the nested guest's exits`, () => {
    const result = run("kvm-vmexit-count", "--attach", attach, "--", NESTED, ...WORKLOAD);
    const found = assertPromised(result, 1, 2);
    assert.ok((found.get("VMRUN")?.[1] ?? 0) > 100, "L1 enters L2 by VMRUN");
    assert.equal(found.get("VMRUN")?.[2], 0);
  });
