// SPDX-License-Identifier: MIT
// The units that the package brings.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { PROJECT } from "../tools";

test("the exporter's service is exposed by less than 2.0, as systemd counts", () => {
  const folder = mkdtempSync(join(tmpdir(), "units-"));
  for (const name of ["kvm-vmexit-exporter.service", "kvm-vmexit-exporter.socket"])
    copyFileSync(join(PROJECT, "contrib", name), join(folder, name));
  // The threshold is in tenths: from 2.0 on the status is 1.
  const { status, stdout, stderr } = spawnSync(
    "systemd-analyze",
    [
      "security",
      "--offline=true",
      "--threshold=19",
      "--no-pager",
      join(folder, "kvm-vmexit-exporter.service"),
    ],
    { encoding: "utf8" },
  );
  assert.equal(stderr, "");
  assert.equal(status, 0, stdout);
});
