// What a session is to the kernel: bounds on what the verifier walks, on machine code and on memory.
import assert from "node:assert/strict";
import test from "node:test";
import { type SessionOptions, openSession } from "../../src/native";

const COUNT: SessionOptions = {
  attach: "direct",
  timing: false,
  histograms: false,
  details: false,
  maxVcpus: 1024,
};
const TIME: SessionOptions = { ...COUNT, timing: true };

/** At most so many instructions walked by 6.1's verifier, and bytes of machine code, of every program. */
const DIRECT = {
  direct_vcpu_end: [3200, 220],
  direct_entry_time: [4500, 1200],
  direct_entry_histogram: [4500, 1200],
  direct_exit_svm_count: [29000, 1500],
  direct_exit_svm_time: [29000, 1500],
} as const;
const RECORD = {
  record_thread_end: [3100, 220],
  record_entry: [4000, 720],
  record_nested_exit: [2800, 360],
  record_exit: [27500, 1750],
} as const;

function infoOf(options: SessionOptions) {
  const session = openSession(options);
  try {
    return session.info();
  } finally {
    session.close();
  }
}

for (const [what, options, bounds, programs] of [
  ["count", COUNT, DIRECT, 2],
  ["time", TIME, DIRECT, 3],
  ["histograms", { ...TIME, histograms: true }, DIRECT, 3],
  ["time by records", { ...TIME, attach: "record" }, RECORD, 4],
] as const)
  test(`${what}: no program is larger than it may be`, () => {
    const info = infoOf(options);
    assert.equal(info.programs.length, programs);
    const limits: Readonly<Record<string, readonly [number, number]>> = bounds;
    for (const { name, verifiedInsns, jitedBytes } of info.programs) {
      const [verified, bytes] = limits[name] ?? [0, 0];
      assert.ok(verifiedInsns > 0 && verifiedInsns <= verified, `${name}: ${verifiedInsns} verified`);
      assert.ok(jitedBytes > 0 && jitedBytes <= bytes, `${name}: ${jitedBytes} bytes`);
    }
  });

test("the number of vCPUs decides how much memory a session takes", () => {
  const small = infoOf({ ...COUNT, maxVcpus: 32 });
  const large = infoOf(COUNT);
  assert.equal(small.records, 64);
  assert.equal(large.records, 2048);
  const recordBytes = (large.mapBytes - small.mapBytes) / (2048 - 64);
  assert.ok(recordBytes > 2048 && recordBytes < 2560, `${recordBytes} bytes for each record`);
});
