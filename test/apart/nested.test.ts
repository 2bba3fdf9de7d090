// Exits of a nested guest: L2 has exactly what the guest in the guest does.
import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import { PROJECT, run } from "../tools";
import { PROMISED, WORKLOAD, assertPromised } from "../lab/counts";
import { jsonLines, sumOfReason } from "../lab/json";

const NESTED = join(PROJECT, "test", "lab", "nested");

for (const attach of ["direct", "record"])
  test(`${attach}: the L2 column holds exactly the nested guest's exits`, () => {
    const inner = [
      process.execPath,
      join(PROJECT, "dist", "tools", "kvm-vmexit-time.js"),
      "--attach",
      attach,
    ];
    const by = ["--by", attach === "direct" ? "vm" : "vcpu", "--vm", "nested-l1", "--json"];
    const result = run(
      "kvm-vmexit-count",
      "--attach",
      attach,
      "--",
      ...inner,
      ...by,
      "--",
      NESTED,
      ...WORKLOAD,
    );
    const timed = result.stdout.match(/^\{.*$/gm)?.join("\n") ?? "";
    const lines = jsonLines({ ...result, stdout: timed });
    for (const [name, count] of Object.entries(PROMISED))
      for (const of of ["count", "timed"] as const)
        assert.equal(
          sumOfReason(lines, name, (exits) => (exits.vm === "nested-l1" ? exits[of].l2 : 0)),
          count,
          `${of} of ${name}`,
        );
    const found = assertPromised(result, 1, 2);
    assert.ok((found.get("VMRUN")?.[1] ?? 0) > 100, "L1 enters L2 by VMRUN");
    assert.equal(found.get("VMRUN")?.[2], 0);
  });
