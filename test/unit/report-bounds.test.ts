// SPDX-License-Identifier: MIT
// What readings and recordings of many vCPUs, reasons and threads take: memory is bounded, however long they are.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { EVENT } from "../../src/trace/events";
import { PROJECT } from "../tools";
import { CPUID, HLT, MSR, START, line } from "./saved";
import { record } from "./trace";

const FOLDER = mkdtempSync(join(tmpdir(), "bounds-"));
after(() => {
  rmSync(FOLDER, { recursive: true });
});

/** What a tool prints on a heap of so many MiB, and the most memory that it takes, in MiB. */
function onHeap(mib: number, tool: string, ...parameters: readonly string[]) {
  const path = join(PROJECT, "dist", "bin", `${tool}.js`);
  const script = `process.on("exit", () => console.error("MiB", process.resourceUsage().maxRSS / 1024)); require(${JSON.stringify(path)}).main(${JSON.stringify(tool)}, process.argv.slice(2))`;
  const heap = [`--max-old-space-size=${mib}`, "--max-semi-space-size=4"];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...heap, "-e", script, "--", path, ...parameters],
    { encoding: "utf8", maxBuffer: 2 ** 26 },
  );
  assert.equal(status, 0, stderr);
  return { stdout, stderr, peakMiB: Number(/^MiB (.*)$/m.exec(stderr)?.[1]) };
}

const VCPUS = 1000;

/** Seconds of 1,000 vCPUs, with histograms. */
function secondsOf(name: string, seconds: number): string {
  const path = join(FOLDER, name);
  const times = [300, 700, 1500, 90_000];
  const one = line(
    0,
    Array.from({ length: VCPUS }, (_, at) => at).flatMap((at) =>
      [CPUID, HLT, MSR].map((reason) => [1 + (at >> 2), at & 3, reason, times] as const),
    ),
  );
  const at = (second: number) => new Date(START + second * 1000).toISOString();
  writeFileSync(path, "");
  for (let second = 0; second < seconds; second++)
    appendFileSync(
      path,
      `${one.replace(at(1), at(second + 1)).replace(`"start":"${at(0)}"`, `"start":"${at(second)}"`)}\n`,
    );
  return path;
}

test("the memory that a run of 1,000 vCPUs takes doesn't grow with its length, as a table, a page and a comparison", () => {
  const [short, long] = [secondsOf("short", 4), secondsOf("long", 24)];
  const page = join(FOLDER, "page.html");
  for (const [options, count] of [
    [["--table", "count", "--by", "vcpu"], /^114 CPUID +96 +96 +0$/m],
    [["--html", page], /^ *114 CPUID +96000 /m],
  ] as const) {
    const [few, many] = [short, long].map((path) => onHeap(96, "kvm-vmexit-report", ...options, path));
    assert.ok(few && many);
    assert.ok(count.test(many.stdout), many.stdout.slice(0, 1000));
    assert.ok(many.peakMiB - few.peakMiB < 32, `${few.peakMiB} and ${many.peakMiB} MiB`);
    assert.ok(many.peakMiB < 300, String(many.peakMiB));
  }
  const compared = onHeap(96, "kvm-vmexit-report", "--wide", short, long);
  assert.match(compared.stdout, /^114 CPUID +4\.00 +4\.00 +\+0\.0% /m);
  assert.ok(compared.peakMiB < 300, String(compared.peakMiB));
});

const MANY = 200_000;

/** A recording of exits, each of a reason or of a thread of its own. */
function recordingOf(name: string, of: "reasons" | "threads"): string {
  const path = join(FOLDER, name);
  const recordOf = (event: number, words: readonly number[], time?: bigint) =>
    record({ event, pid: 7, vcpu: 0, time, words });
  const turn = Buffer.concat([
    recordOf(EVENT.exit, [CPUID, 0x1000, 1, 2, 70], 0n),
    recordOf(EVENT.entry, [70], 0n),
  ]);
  const turns = Buffer.alloc(MANY * turn.length);
  // Places in an exit, and in the entry after it.
  const [pid, vcpu, time, code, thread] = [[4, 44], [8, 48], [12, 52], [20], [36, 60]] as const;
  for (let at = 0; at < MANY; at++) {
    const base = at * turn.length;
    turn.copy(turns, base);
    const put = (places: readonly number[], value: number) => {
      for (const place of places) turns.writeUInt32LE(value, base + place);
    };
    put(time, 1000 * at);
    if (of === "reasons") put(code, 100_000 + at);
    else {
      put(pid, 7 + Math.floor(at / 100));
      put(vcpu, at % 100);
      put(thread, 100_000 + at);
    }
  }
  writeFileSync(
    path,
    Buffer.concat([recordOf(EVENT.recording, [1, 1000, 0, 0]), turns, recordOf(EVENT.end, [0, 0])]),
  );
  return path;
}

for (const [of, ...options] of [
  ["reasons", "--wide", "--table", "time"],
  ["threads", "--by", "vcpu"],
] as const)
  test(`a recording of 200,000 ${of} takes less than 300 MiB, and none is lost`, () => {
    const path = recordingOf(of, of);
    for (const [tool, ...parameters] of [
      ["kvm-trace", "report", ...options],
      ["kvm-vmexit-report", ...options],
    ] as const) {
      const { stdout, stderr, peakMiB } = onHeap(128, tool, ...parameters, path);
      assert.match(stderr, /: \d+ exits are counted as others/);
      assert.ok(peakMiB < 300, `${tool}: ${peakMiB} MiB`);
      const totals = Array.from(stdout.matchAll(/^ *Total[^\d]*(\d+)/gm), ([, count]) => Number(count));
      const all = totals.reduce((sum, count) => sum + count, 0);
      assert.equal(all, MANY);
    }
  });
