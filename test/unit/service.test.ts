// SPDX-License-Identifier: MIT
// The unit that logs all day, as systemd rates it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "node:test";
import { PROJECT } from "../tools";

test("kvm-stat.service is confined: systemd rates its exposure under 3", () => {
  const { status, stdout, stderr } = spawnSync(
    "systemd-analyze",
    [
      ...["security", "--offline=true", "--threshold=29", "--no-pager"],
      join(PROJECT, "contrib", "kvm-stat.service"),
    ],
    { encoding: "utf8" },
  );
  assert.equal(
    status,
    0,
    stdout
      .split("\n")
      .filter((line) => line.startsWith("✗"))
      .join("\n") + stderr,
  );
});
