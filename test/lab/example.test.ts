// The library's example in docs/ on a real KVM host.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import test from "node:test";
import { GUEST, PROJECT } from "../tools";

test("docs/example.mjs counts what a guest does", async () => {
  const example = spawn(process.execPath, [join(PROJECT, "docs", "example.mjs"), "3"]);
  let output = "";
  const tracing = new Promise<void>((resolve) => {
    example.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.startsWith("tracing\n")) resolve();
    });
  });
  let errors = "";
  example.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const ended = once(example, "close");
  await Promise.race([tracing, ended]);
  assert.equal(spawnSync(GUEST, ["--cpuid", "23", "--rdmsr", "41"]).status, 0);
  const [status] = (await ended) as [number | null];
  assert.equal(errors, "");
  assert.equal(status, 0);
  const counted = (name: string) =>
    [...output.matchAll(/^"guest" \(\d+\) (\w+): (\d+), (mean [\d.]+ ns, p99 [\d.]+ ns|not timed)$/gm)]
      .filter(([, found]) => found === name)
      .reduce((sum, [, , count]) => sum + Number(count), 0);
  assert.equal(counted("CPUID"), 23, output);
  assert.equal(counted("MSR"), 41, output);
});
