// SPDX-License-Identifier: MIT
// What a program that uses the library does for long: reads each second, and at the end says what it has counted.
import { group, intervals, openSession, total } from "../src";

const end = new AbortController();
process.on("SIGINT", () => {
  end.abort();
});

async function main(): Promise<void> {
  const session = openSession({ timing: true, histograms: true });
  const counts: Record<string, number> = {};
  let lost = 0;
  try {
    console.error("Tracing");
    for await (const interval of intervals(session, { intervalMs: 1000, end: end.signal })) {
      for (const { samples } of group(interval, "vm"))
        for (const sample of samples) {
          const name = sample.name ?? String(sample.reason);
          counts[name] = (counts[name] ?? 0) + total(sample).count;
        }
      for (const exits of Object.values<number>({ ...interval.lost })) lost += exits;
    }
  } finally {
    session.close();
  }
  console.log(JSON.stringify({ counts }));
  if (lost > 0) console.error(`Lost: ${lost} exits`);
}

void main();
