// SPDX-License-Identifier: MIT
// kvm-vmexit report of runs that aren't alike: what is added up or compared is said, and options without effect are refused.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { gzipSync } from "node:zlib";
import { Running, run } from "../tools";
import { ABOUT, CPUID, HLT, MSR, type Row, line, splitLine } from "./saved";

const FOLDER = mkdtempSync(join(tmpdir(), "compare-"));
after(() => {
  rmSync(FOLDER, { recursive: true });
});

function fileOf(name: string, content: string | Buffer): string {
  const path = join(FOLDER, name);
  writeFileSync(path, content);
  return path;
}

const report = (...parameters: readonly string[]) => run("kvm-vmexit-report", ...parameters);

const ROWS: readonly Row[] = [
  [7, 0, CPUID, [1000, 1100, 90_000]],
  [7, 0, HLT, [50_000]],
];
const withHost = (host: object) => ({ about: { ...ABOUT, host: ABOUT.host && { ...ABOUT.host, ...host } } });
const withOptions = (options: object) => ({ about: { ...ABOUT, options: { ...ABOUT.options, ...options } } });
const counts = (second: number) =>
  line(second, ROWS, { columns: "count", ...withOptions({ timing: false, histograms: false }) });
const bare = (second: number) =>
  line(second, ROWS, withOptions({ histograms: false })).replaceAll(/,"histogram":\{[^}]*\}/g, "");
const DETAIL =
  ',"details":[{"text":"leaf 0x1","detail":{"kind":"cpuid","leaf":1,"subleaf":0},"count":{"total":3,"l1":3,"l2":0},"timed":{"total":3,"l1":3,"l2":0},"timeNs":{"total":92100,"l1":92100,"l2":0},"maxNs":{"total":90000,"l1":90000,"l2":0}}]';
const detailed = (second: number) =>
  line(second, ROWS, withOptions({ details: true })).replace(
    /("name":"CPUID".*?"histogram":\{[^}]*\})/,
    `$1${DETAIL}`,
  );

test("what only a part of the lines has is said before it is added up", () => {
  for (const [lines, why] of [
    [[line(0, ROWS), counts(1)], /only 1 of 2 intervals with exits have times$/m],
    [
      [line(0, ROWS), bare(1), bare(2)],
      /only 1 of 3 intervals with exits have histograms, of which percentiles are$/m,
    ],
    [[line(0, ROWS), detailed(1)], /only 1 of 2 intervals with exits have details$/m],
    [
      [line(0, ROWS), line(1, ROWS, { by: "reason" })],
      /only 1 of 2 intervals with exits have names of VMs$/m,
    ],
    [
      [line(0, ROWS), line(1, ROWS, withHost({ kernel: "6.12.0" }))],
      /lines differ in their kernel: 6\.1\.0 and 6\.12\.0$/m,
    ],
    [
      [line(0, ROWS), line(1, ROWS, withHost({ attach: "record" }))],
      /lines differ in their way to attach: direct and record$/m,
    ],
    [
      [line(0, ROWS), line(1, ROWS, withOptions({ reasons: "MSR", vm: "web\u202e*" }))],
      /lines differ in their filters: none and --vm "web\\u202e\*" --reasons MSR$/m,
    ],
  ] as const) {
    const path = fileOf("mixed", lines.join("\n"));
    const { status, stderr } = report("--table", "count", path);
    assert.equal(status, 0, stderr);
    assert.match(stderr, why);
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
    const parts = lines.map((text, at) => fileOf(`part${at}`, text));
    assert.match(report("--table", "count", "--sum", ...parts).stderr, why);
  }
  const alike = [line(0, ROWS), line(1, ROWS)];
  assert.equal(report(fileOf("alike", alike.join("\n"))).stderr, "");
  assert.equal(
    report("--sum", fileOf("exits", line(0, ROWS)), fileOf("split", splitLine(0, [[7, 0, 1, 2, 3, 4]])))
      .stderr,
    "",
  );
});

test("a comparison says what a side doesn't have, and what differs in words", () => {
  const path = fileOf("all", detailed(0));
  for (const [other, why] of [
    [counts(5), /^Not compared: times, which weren't saved in ".*other"\nNot compared: details, /m],
    [bare(5), /^Not compared: histograms, of which percentiles are, which weren't saved in ".*other"$/m],
    [
      line(5, ROWS, withOptions({ reasons: "CPUID,HLT" })),
      /^Differs: filters: none before, --reasons CPUID,HLT after\n/,
    ],
    [line(5, [[7, 0, MSR, [900]]]), /^Not compared: details, which weren't saved in ".*other"\n/],
  ] as const) {
    const { status, stdout } = report(path, fileOf("other", other));
    assert.equal(status, 0);
    assert.match(stdout, why);
    assert.doesNotMatch(stdout, /leaf|[{}]/);
  }
  // A reason whose exits have no times has a rate, and no cost that could have changed.
  const untimed = line(5, ROWS)
    .replace(
      '"timed":{"total":1,"l1":1,"l2":0},"timeNs":{"total":50000,"l1":50000,"l2":0}',
      '"timed":{"total":0,"l1":0,"l2":0},"timeNs":{"total":0,"l1":0,"l2":0}',
    )
    .replace(
      /"histogram":\{"total":\[\[49152,\d+,1\]\],"l1":\[\[49152,\d+,1\]\]/,
      '"histogram":{"total":[],"l1":[]',
    );
  const { stdout } = report("--wide", path, fileOf("untimed", untimed));
  assert.match(
    stdout,
    /^120 HLT +1\.00 +1\.00 +\+0\.0% +50000\.0|^120 HLT +1\.00 +1\.00 +\+0\.0% +50000 +- +- +50000 +- /m,
  );
});

test("a change that is rounded to nothing is +0.0%", () => {
  const many = (ns: number): Row[] => [
    [7, 0, MSR, Array.from({ length: 2000 }, (_, at) => (at === 0 ? ns : 1000))],
  ];
  const files = [fileOf("more", line(0, many(1100))), fileOf("less", line(5, many(1000)))];
  assert.match(report(...files).stdout, /^124 MSR +2000 +2000 +\+0\.0% +2000100 +2000000 +\+0\.0% /m);
});

test("options without effect are refused", () => {
  const path = fileOf("one", line(0, ROWS));
  for (const [parameters, why] of [
    [
      ["--by", "vm", path, path],
      /--by shapes tables of one run, and this is a comparison; leave it out, and choose by --vm or --vcpu$/,
    ],
    [["--table", "count", path, path], /--table shapes /],
    [["--sort", "count", path, path], /--sort shapes /],
    [["--rate", path, path], /--rate shapes /],
    [["--l2", path, path], /--l2 shapes /],
    [["--trim", path, path], /--trim shapes /],
    [["--utc-offset", "--csv", path, path], /--utc-offset shapes /],
    [["--per", "second", path], /--per is about rates of a comparison/],
    [["--", path], /there is no file before --; write BEFORE… -- AFTER…$/],
    [[path, "--", path, "--wide"], /there is no file "--wide", and options come before --$/],
  ] as const) {
    const { status, stdout, stderr } = report(...parameters);
    assert.deepEqual([status, stdout], [2, ""], stderr);
    assert.match(stderr.trim(), why);
  }
});

test("what can't be written is refused before anything is read or printed", () => {
  const path = fileOf("one", line(0, ROWS));
  for (const parameters of [
    ["--html", FOLDER, path],
    ["--html", join(FOLDER, "no", "page.html"), path],
    ["--html", "", path],
    ["--junit", FOLDER, "--fail-if", "count > 1", path],
  ]) {
    const { status, stdout, stderr } = report(...parameters);
    assert.deepEqual([status, stdout], [2, ""], stderr);
    assert.match(
      stderr,
      /^kvm-vmexit-report: cannot write "[^\n]*; name a file that you may write with --(html|junit)\n$/,
    );
  }
  assert.equal(existsSync(join(FOLDER, "no")), false);
  const both = join(FOLDER, "both");
  for (const [parameters, why] of [
    [["--html", "-", path], /"-" is standard output, which has the tables; name a file /],
    [
      ["--html", both, "--junit", both, "--fail-if", "count > 1", path],
      /--html and --junit name the same file/,
    ],
  ] as const) {
    const { status, stdout, stderr } = report(...parameters);
    assert.deepEqual([status, stdout], [2, ""], stderr);
    assert.match(stderr, why);
  }
  const packed = fileOf("more.gz", Buffer.concat([gzipSync(line(0, ROWS)), Buffer.from("and more")]));
  assert.match(report(packed).stderr, /more\.gz" has other bytes after the end of what gzip packed; zcat /);
});

const parts = (html: string, pattern: RegExp) => Array.from(html.matchAll(pattern), ([, part = ""]) => part);

test("what is missing of files is said on stderr and on the page: cut off, damaged, interrupted", async () => {
  const page = join(FOLDER, "page.html");
  const lost = () => parts(readFileSync(page, "utf8"), /<p class="lost">([^<]*)</g).join("\n");
  const text = `${line(0, ROWS)}\n${line(1, ROWS)}\n`;
  const cut = report("--html", page, fileOf("cut", text.slice(0, -9)));
  assert.match(cut.stderr, /cut": the last line is cut off after \d+ characters; left out\n/);
  assert.match(lost(), /^&quot;cut&quot;: the last line is cut off after \d+ characters; left out$/);
  const packed = report("--html", page, fileOf("cut.gz", gzipSync(text.repeat(2)).subarray(0, -5)));
  assert.deepEqual([packed.status, /cut\.gz" is cut off: /.test(packed.stderr)], [2, true], packed.stderr);
  assert.match(lost(), /^&quot;cut\.gz&quot; is cut off: what comes after its last whole block is missing$/m);
  assert.equal(report("--html", page, fileOf("whole", text)).status, 0);
  assert.equal(lost(), "");
  const reading = new Running("kvm-vmexit-report", "--html", page);
  const lines = Array.from({ length: 2000 }, (_, second) => `${line(second, ROWS)}\n`).join("");
  // It has read what a pipe has no room for, and so hears signals.
  await new Promise((resolve) => reading.child.stdin?.write(lines, resolve));
  const { status, stdout, stderr } = await reading.end("SIGINT");
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^114 CPUID +\d+ /m);
  assert.match(stderr, /^kvm-vmexit-report: interrupted: what follows of the files is left out$/m);
  assert.match(lost(), /^interrupted: /m);
});

/** The page of files, and its stdout. */
function pageOf(...parameters: readonly string[]): string {
  const page = join(FOLDER, "page.html");
  const { status, stderr } = report("--html", page, ...parameters);
  assert.equal(status, 0, stderr);
  return readFileSync(page, "utf8");
}

test("a page has no columns of times for a run without, and dashes where a reason has none", () => {
  const html = pageOf("--fail-if", "count > 9999", fileOf("counted", counts(0)));
  assert.deepEqual(parts(html, /<button type="button">([^<]*)</g), [
    "Reason",
    "Exits",
    "Exits/s",
    "VM, without idle exits",
    "Exits/s",
    "Most exits",
  ]);
  assert.match(html, /1 interval, 1\.00 s/);
  assert.doesNotMatch(html, /<td data-v="0">0\.00</);
  const rough = pageOf(fileOf("bare", bare(0)));
  assert.doesNotMatch(rough, /<button type="button">P\d/);
  assert.match(rough, /<button type="button">Longest</);
});

test("heat maps of two runs have the same rows and shades, and each its name; files are told apart", () => {
  mkdirSync(join(FOLDER, "a"), { recursive: true });
  mkdirSync(join(FOLDER, 'b "c'), { recursive: true });
  const [first, second] = [
    fileOf("a/run, 1.jsonl", line(0, ROWS)),
    fileOf('b "c/run, 1.jsonl', line(5, [[7, 0, MSR, [200, 300, 5_000_000, 5_000_000, 5_000_000]]])),
  ];
  const html = pageOf(first, second);
  assert.deepEqual(parts(html, /<dt>(&quot;[^<]*)<\/dt>/g), [
    "&quot;a/run, 1.jsonl&quot;",
    "&quot;b &quot;c/run, 1.jsonl&quot;",
  ]);
  const maps = parts(html, /<svg class="chart" (id="heat-[^]*?)<\/svg>/g);
  assert.equal(maps.length, 2);
  assert.deepEqual(
    maps.map((map) => /aria-label="(.*?);/.exec(map)?.[1]),
    [
      "Before: Handling times over time, without idle exits",
      "After: Handling times over time, without idle exits",
    ],
  );
  const [before = [], later = []] = maps.map((map) => parts(map, /text-anchor="end">([^<]*)</g));
  assert.deepEqual(before, later);
  assert.ok(before.length > 5);
  // Of 3 in a cell before, and 1 at most after, only the darkest has the last shade.
  const shades = maps.map((map) => parts(map, /<path class="h(\d)"/g).map(Number));
  assert.ok(Math.max(...(shades[0] ?? [])) < 8);
  assert.equal(Math.max(...(shades[1] ?? [])), 8);
  // Sums stay at the end, whatever sorts the others.
  assert.match(
    html,
    /<tbody><tr><td>124 MSR[^]*?<\/tbody><tfoot><tr><td>Not idle<[^]*?<tr><td>Total<[^]*?<\/tfoot><\/table>/,
  );
});
