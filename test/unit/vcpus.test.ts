// SPDX-License-Identifier: MIT
// Lists of vCPU ids.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { UsageError } from "../../src/errors";
import { parseVcpus } from "../../src/host/vcpus";

test("ids and ranges come out in order, each once", () => {
  for (const [list, ids] of [
    ["0", [0]],
    ["0,2-5", [0, 2, 3, 4, 5]],
    ["5,3, 4-4 ,3", [3, 4, 5]],
    ["7,", [7]],
    ["16383", [16383]],
  ] as const)
    assert.deepEqual(parseVcpus("--vcpu", list), ids);
});

for (const list of [
  "",
  ",",
  "a",
  "-1",
  "1-",
  "-",
  "1--2",
  "1,,2",
  "1.5",
  "16384",
  "0-16384",
  "9999999999",
  "0x1",
])
  test(`"${list}" is refused`, () => {
    assert.throws(
      () => parseVcpus("--vcpu", list),
      (error) =>
        error instanceof UsageError &&
        /^--vcpu takes vCPU ids from 0 to 16383.*0,2-5, not "/.test(error.message),
    );
  });

test("an empty range is refused", () => {
  assert.throws(
    () => parseVcpus("--vcpu", "5-2"),
    /^UsageError: --vcpu: the range "5-2" is empty; turn it round$/,
  );
});

test("any text gives ids or a UsageError", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...Array.from("0123456789-, ")) })),
      (list) => {
        try {
          const ids = parseVcpus("--vcpu", list);
          assert.ok(
            ids.length > 0 && ids.every((id, i) => id >= 0 && id <= 16383 && id > (ids[i - 1] ?? -1)),
          );
        } catch (error) {
          assert.ok(error instanceof UsageError);
        }
      },
    ),
  );
});
