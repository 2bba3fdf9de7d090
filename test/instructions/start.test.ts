// SPDX-License-Identifier: MIT
// Under instruction counting: what a tool takes to start beyond what Node alone does.
import assert from "node:assert/strict";
import test from "node:test";
import { tool } from "../../bench/guest";
import { NODE_ALONE, cpuNs, end, start } from "../../bench/start";

/**
 * Million instructions, of the least of some starts: what was measured, and some 15 for boots to differ by. Raise one only in the
 * commit that needs it, and say there what was bought.
 */
const BOUNDS = [
  ["kvm-vmexit-count", [], 150],
  ["kvm-vmexit", ["count"], 155],
  ["kvm-vmexit-time", [], 155],
  ["kvm-vmexit-hist", ["-i", "1"], 170],
  ["kvm-vmexit-slower", ["10000"], 130],
  ["kvm-stat", ["-l"], 140],
  ["kvm-vmexit", ["export"], 215],
  ["kvm-trace", ["record", "-o", "/tmp/start.bin"], 100],
] as const;

// The first start reads the files. Of others one now and then takes 15 million more, which Node's own threads do.
const STARTS = 4;

/** The least of some starts. */
async function millions(command: readonly string[]): Promise<number> {
  const starts: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const program = await start(command);
    starts.push(cpuNs(program.pid) / 1e6);
    await end(program);
  }
  console.log(starts.map((each) => each.toFixed(1)).join(" "));
  return Math.min(...starts);
}

test("a start takes little more than Node's own", async (context) => {
  const alone = await millions(NODE_ALONE);
  for (const [name, parameters, bound] of BOUNDS)
    await context.test(
      `${[name, ...parameters].join(" ")}: at most ${bound} million instructions more`,
      async () => {
        const more = (await millions(tool(name, ...parameters))) - alone;
        console.log(`${more.toFixed(1)} more than ${alone.toFixed(1)}`);
        assert.ok(more > 20 && more <= bound, String(more));
      },
    );
});
