// SPDX-License-Identifier: MIT
// Under instruction counting: what a tool takes to start beyond what Node alone does.
import assert from "node:assert/strict";
import test from "node:test";
import { tool } from "../../bench/guest";
import { NODE_ALONE, cpuNs, end, start } from "../../bench/start";

/**
 * Million instructions: what docs/bench.md has, less Node's, and some 20 for boots to differ by. Raise one only in the commit
 * that needs it, and say there what was bought.
 */
const BOUNDS = [
  ["kvm-vmexit-count", [], 150],
  ["kvm-vmexit", ["count"], 146],
  ["kvm-vmexit-time", [], 150],
  ["kvm-vmexit-hist", ["-i", "1"], 170],
  ["kvm-vmexit-slower", ["10000"], 120],
  ["kvm-stat", ["-l"], 135],
  ["kvm-vmexit", ["export"], 200],
  ["kvm-trace", ["record", "-o", "/tmp/start.bin"], 95],
] as const;

async function millions(command: readonly string[]): Promise<number> {
  const program = await start(command);
  const ns = cpuNs(program.pid);
  await end(program);
  return ns / 1e6;
}

test("a start takes little more than Node's own", async (context) => {
  await millions(NODE_ALONE); // warm
  const alone = await millions(NODE_ALONE);
  for (const [name, parameters, bound] of BOUNDS)
    await context.test(
      `${[name, ...parameters].join(" ")}: at most ${bound} million instructions more`,
      async () => {
        const command = tool(name, ...parameters);
        await millions(command);
        const more = (await millions(command)) - alone;
        console.log(`${more.toFixed(1)} more than ${alone.toFixed(1)}`);
        assert.ok(more > 20 && more <= bound, String(more));
      },
    );
});
