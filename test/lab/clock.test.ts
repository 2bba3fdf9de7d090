// SPDX-License-Identifier: MIT
// The host's clock is set while tools run: intervals are as long as they were, and rates are of that.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test from "node:test";
import { gunzipSync } from "node:zlib";
import { GUEST, type Result, Running } from "../tools";
import { jsonLines } from "./json";

const SECOND_NS = 1e9;
/** More than any interval here takes, less than the clock is set by. */
const LONG_NS = 1800 * SECOND_NS;
const [AHEAD_S, BACK_S] = [7200, 18_000];

/** Sets the clock by so many seconds. */
function setClock(by: number): void {
  const to = (Date.now() / 1000 + by).toFixed(3);
  const { status, stderr } = spawnSync("date", ["--set", `@${to}`], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

/** The values of a column of CSV, and what is in that of the times. */
function column(result: Result, name: string): { durations: number[]; times: number[] } {
  const [heading = "", ...lines] = result.stdout.trimEnd().split("\n");
  const at = heading.split(",").indexOf(name);
  assert.ok(at > 0, `${name} in ${heading}`);
  // kvm-stat repeats it.
  const fields = lines.filter((line) => line !== heading).map((line) => line.split(","));
  return {
    durations: fields.map((of) => Number(of[at])),
    times: fields.map((of) => Date.parse(of[0] ?? "")),
  };
}

function assertDurations(durations: readonly number[], what: string): void {
  assert.ok(durations.length >= 3, what);
  for (const ns of durations) assert.ok(ns > 0 && ns < LONG_NS, `${what}: ${ns} ns`);
}

/** Whether times of day go ahead by what the clock was set by, and back. */
function assertStepped(times: readonly number[], what: string): void {
  const steps = times.slice(1).map((time, i) => (time - (times[i] ?? 0)) / 1000);
  assert.ok(Math.max(...steps) > AHEAD_S / 2 && Math.min(...steps) < -BACK_S / 2, `${what}: ${steps.join()}`);
}

/** A receiver of OTLP that keeps what points say of their time, in ns since 1970. */
async function receiver(): Promise<{
  url: string;
  points: { start: bigint; end: bigint }[];
  close: () => void;
}> {
  const points: { start: bigint; end: bigint }[] = [];
  const server = createServer((asked, response) => {
    const chunks: Buffer[] = [];
    asked.on("data", (chunk: Buffer) => chunks.push(chunk));
    asked.on("end", () => {
      const body = gunzipSync(Buffer.concat(chunks)).toString();
      for (const [, start = "", end = ""] of body.matchAll(
        /"startTimeUnixNano":"(\d+)","timeUnixNano":"(\d+)"/g,
      ))
        points.push({ start: BigInt(start), end: BigInt(end) });
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, points, close: () => server.close() };
}

test("intervals are as long as they were though the clock is set ahead and back", async () => {
  const otlp = await receiver();
  const guest: ChildProcess = spawn(GUEST, ["--cpuid", "4000000000"], { stdio: "ignore" });
  const tools = {
    count: new Running("kvm-vmexit", "count", "0.5", "--json"),
    hist: new Running("kvm-vmexit", "hist", "CPUID", "-i", "0.5", "--csv"),
    split: new Running("kvm-vmexit", "split", "0.5", "--csv"),
    stat: new Running("kvm-stat", "-d", "-l", "-c", "-s", "0.5", "-f", "^exits$", "--duration-ns"),
    rate: new Running("kvm-vmexit", "count", "--rate"),
    export: new Running("kvm-vmexit", "export", "--otlp", otlp.url, "--every", "1"),
  };
  const began = performance.now();
  let set = 0;
  try {
    for (const tool of [tools.count, tools.hist, tools.split]) await tool.seen(/CPUID|guest/);
    await tools.stat.seen(/^\d.*\n\d/m);
    await tools.rate.seen(/Tracing/);
    const pushed = async (more: number) => {
      const enough = otlp.points.length + more;
      while (otlp.points.length < enough) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    await pushed(1);
    for (const by of [AHEAD_S, -BACK_S, BACK_S - AHEAD_S]) {
      setClock(by);
      set += by;
      // Each tool has an interval that holds the step, and one after it.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await pushed(1);
    }
    const [count, hist, split, stat, rate] = await Promise.all(
      [tools.count, tools.hist, tools.split, tools.stat, tools.rate].map((tool) => tool.end("SIGINT")),
    );
    assert.ok(count && hist && split && stat && rate);
    const lines = jsonLines(count);
    assertDurations(
      lines.map(({ durationNs }) => durationNs),
      "count",
    );
    assertStepped(
      lines.map(({ end }) => Date.parse(end)),
      "count",
    );
    for (const [what, result] of [
      ["hist", hist],
      ["split", split],
      ["kvm-stat", stat],
    ] as const) {
      const { durations, times } = column(result, "duration_ns");
      assertDurations(durations, what);
      assertStepped(times, what);
    }
    // What it ran for is what the rates are of.
    const [, seconds] = /^Measured for ([\d.]+) s$/m.exec(rate.stdout) ?? [];
    assert.ok(Number(seconds) > 0 && Number(seconds) <= (performance.now() - began) / 1000, rate.stdout);
    assert.ok(otlp.points.length >= 4);
    for (const { start, end } of otlp.points) assert.ok(start <= end, `${start} ${end}`);
    await tools.export.end("SIGTERM");
  } finally {
    for (const tool of Object.values(tools)) tool.child.kill("SIGKILL");
    guest.kill("SIGKILL");
    otlp.close();
    if (set !== 0) setClock(-set);
  }
});
