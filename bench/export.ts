// SPDX-License-Identifier: MIT
// What a scrape costs: an exporter's server with readings that are made up, scraped over HTTP by another process.
import { execFileSync } from "node:child_process";
import { Families } from "../src/export/families";
import { Fleet } from "../src/export/fleet";
import { keepHeapSmall } from "../src/export/heap";
import { Servers } from "../src/export/server";
import { type TextFormat, exposition } from "../src/export/text";
import { NOTHING_LOST } from "../src/measure/lost";
import type { Snapshot } from "../src/native/vmexit";
import { SVM_REASONS } from "../src/reasons/svm";

/** Made of so many VMs, with as many vCPUs each, which exit for so many reasons. */
interface Shape {
  readonly vms: number;
  readonly vcpusEach: number;
  readonly reasons: number;
}

// Buckets that a reason's handling times fall into.
const BUCKETS_EACH = 12;
// Node compiles in the first ones what runs often.
const SCRAPES = 35;
const MEASURED = 15;

function snapshotOf({ vms, vcpusEach, reasons }: Shape): Snapshot {
  const codes = [...SVM_REASONS.keys()].slice(0, reasons);
  const vcpus = vms * vcpusEach;
  const slots = vcpus * codes.length;
  const rows = Array.from({ length: vcpus }, (_, i) => Math.floor(i / vcpusEach));
  const slot = <T>(
    make: { from(source: ArrayLike<number>, map: (_: number, i: number) => number): T },
    of: (i: number) => number,
  ) => make.from({ length: slots }, (_, i) => of(i));
  const buckets = slots * BUCKETS_EACH;
  return {
    vcpus: {
      tgid: Uint32Array.from(rows, (vm) => 1000 + vm),
      tid: Uint32Array.from(rows, (_, i) => 100_000 + i),
      vcpuId: Int32Array.from(rows, (_, i) => i % vcpusEach),
      startNs: new Float64Array(vcpus).fill(1),
      ended: new Uint8Array(vcpus),
      comm: rows.map((vm) => `vm${vm}`),
    },
    slots: {
      vcpu: slot(Uint32Array, (i) => Math.floor(i / codes.length)),
      isa: new Uint8Array(slots).fill(2),
      level: new Uint8Array(slots).fill(1),
      timed: new Uint8Array(slots).fill(1),
      reflected: new Uint8Array(slots),
      reason: slot(Uint32Array, (i) => codes[i % codes.length] ?? 0),
      count: slot(Float64Array, (i) => 1_000_003 + i),
      totalNs: slot(Float64Array, (i) => 2_345_678_901 + i),
      maxNs: new Float64Array(slots),
    },
    buckets: {
      slot: Uint32Array.from({ length: buckets }, (_, i) => Math.floor(i / BUCKETS_EACH)),
      bucket: Uint8Array.from({ length: buckets }, (_, i) => 32 + (i % BUCKETS_EACH)),
      count: new Float64Array(buckets).fill(83_333),
    },
    lost: NOTHING_LOST,
  };
}

async function measure(shape: Shape): Promise<string> {
  keepHeapSmall();
  const snapshot = snapshotOf(shape);
  const start = Date.now();
  const names = {
    of: (pid: number, startNs: number, name: string) => ({ pid, startNs, name, source: "qemu" }) as const,
    runs: () => true,
  };
  const fleet = new Fleet(names, { histograms: "host", maxSeries: 10_000_000 }, start);
  const families = new Families(start, { histograms: true });
  let cpu = process.cpuUsage();
  let scrapes = 0;
  let bytes = 0;
  const scrape = (format: TextFormat, scraper: string) => {
    if (++scrapes === SCRAPES - MEASURED + 1) cpu = process.cpuUsage();
    const text = exposition(
      families.of({
        counted: fleet.read({ exits: snapshot }, scraper, Date.now()),
        lost: NOTHING_LOST,
        start,
        host: [],
        process: { cpuSeconds: 1, residentBytes: 1 },
        mapBytes: 1,
        programs: [],
        pushes: {},
      }),
      format,
    );
    bytes = text.length;
    return text;
  };
  const servers = new Servers({
    scrape,
    failed: (error) => {
      throw error;
    },
  });
  const port = await servers.listen({ host: "127.0.0.1", port: 0 });
  await scrapeTimes(port ?? 0);
  const { user, system } = process.cpuUsage(cpu);
  servers.close();
  const { vms, vcpusEach, reasons } = shape;
  const ms = (user + system) / 1000 / MEASURED;
  const cells = [
    vms,
    vms * vcpusEach,
    reasons,
    (bytes / 1e6).toFixed(2),
    ms.toFixed(1),
    Math.round(process.memoryUsage.rss() / 2 ** 20),
  ];
  return `| ${cells.join(" | ")} |`;
}

/** Scrapes in another process, one after the other over one connection, with gzip. */
async function scrapeTimes(port: number): Promise<void> {
  const { execFile } = await import("node:child_process");
  const script = `(async () => { for (let i = 0; i < ${SCRAPES}; i++) await (await fetch("http://127.0.0.1:${port}/metrics")).arrayBuffer(); })()`;
  await new Promise<void>((resolve, reject) => {
    execFile(process.execPath, ["-e", script], (error) => {
      if (error) reject(new Error(error.message));
      else resolve();
    });
  });
}

const SHAPES: readonly Shape[] = [
  { vms: 200, vcpusEach: 1, reasons: 30 },
  { vms: 200, vcpusEach: 4, reasons: 30 },
  { vms: 2500, vcpusEach: 4, reasons: 8 },
];

// Each in a process of its own, so that memory is its own.
const [, , index] = process.argv;
if (index === undefined) {
  console.log("| VMs | vCPUs | reasons of each | MB of text | ms of CPU a scrape | MiB resident |");
  console.log("| ---: | ---: | ---: | ---: | ---: | ---: |");
  for (const i of SHAPES.keys())
    process.stdout.write(execFileSync(process.execPath, [process.argv[1] ?? "", String(i)]));
} else {
  const shape = SHAPES[Number(index)];
  if (shape)
    void measure(shape).then((line) => {
      console.log(line);
    });
}
