// SPDX-License-Identifier: MIT
// The pages of docs/: what they name is there, and their lists are whole.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { WAYS_OF_LOSS } from "../../src/measure/lost";
import { KINDS, RECORDS, VERSION } from "../../src/trace/kinds";
import { TOOLS } from "../../tools/commands";
import { PROJECT } from "../tools";

const read = (path: string) => readFileSync(join(PROJECT, path), "utf8");

/** For who changes the project. */
const FOR_CHANGES = [
  "CONTRIBUTING.md",
  ...["adding", "architecture", "releasing", "testing"].map((name) => `docs/${name}.md`),
];

/** What is set as code in a page: spans, and lines that are indented. */
const codes = (text: string) => [
  ...[...text.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code),
  ...[...text.matchAll(/^ {4}(\S.*)$/gm)].map(([, code = ""]) => code),
];

/** Folders of sources, of which a page may name a file. */
const IN_SOURCES =
  /(?<![\w./-])(?:\.ci|\.githooks|bench|bpf|contrib|docs|lab|mk|native|packaging|share|src|test|tools)\/[\w./-]*/g;

for (const page of FOR_CHANGES)
  test(`${page}: files, folders and targets of make that it names are there`, () => {
    const text = read(page);
    for (const code of codes(text))
      for (const [path] of code.matchAll(IN_SOURCES))
        // Words in capitals take the place of a name.
        assert.ok(/[A-Z]{3}/.test(path) || existsSync(join(PROJECT, path)), `there is no ${path}`);
    const makefiles = [
      "Makefile",
      "lab/Makefile",
      ...readdirSync(join(PROJECT, "mk")).map((name) => `mk/${name}`),
    ];
    const rules = makefiles.flatMap((path) => read(path).match(/^[\w./-]+(?=:)/gm) ?? []);
    for (const code of codes(text))
      for (const [, target = ""] of code.matchAll(/(?:^|[;&] *)make ([a-z][\w./-]*)/g))
        assert.ok(rules.includes(target), `there is no target ${target}`);
  });

test("docs/testing.md has each folder of test/", () => {
  const text = read("docs/testing.md");
  for (const entry of readdirSync(join(PROJECT, "test"), { withFileTypes: true }))
    if (entry.isDirectory() && entry.name !== "data")
      assert.ok(text.includes(`\n| \`${entry.name}\` |`), `docs/testing.md has no row for ${entry.name}`);
});

test("pages name the package's files by its version", () => {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  const pages = readdirSync(join(PROJECT, "docs")).filter((name) => name.endsWith(".md"));
  let named = 0;
  for (const page of ["README.md", ...pages.map((name) => `docs/${name}`)])
    for (const [text, other] of read(page).matchAll(/\bkvm-vmexit[-_ ](\d+\.\d+\.\d+)/g)) {
      named++;
      assert.equal(other, version, `${page} has ${text}`);
    }
  assert.ok(named > 0);
});

test("docs/README.md leads to each page of docs/", () => {
  const text = read("docs/README.md");
  for (const name of readdirSync(join(PROJECT, "docs")))
    if (!["README.md", "bench.json", "top.png"].includes(name))
      assert.ok(text.includes(`(${name})`), `docs/README.md has no link to ${name}`);
});

test("docs/kvm-vmexit.md has each tool of the umbrella, by its question", () => {
  const text = read("docs/kvm-vmexit.md");
  for (const { word, command, hidden } of TOOLS) {
    const link = `[kvm-vmexit ${word}](${command ?? `kvm-vmexit-${word}`}.md)`;
    assert.ok(hidden || text.includes(link), `docs/kvm-vmexit.md has no row with ${link}`);
  }
});

test("docs/kvm-vmexit-count.md says what each way of loss means", () => {
  const text = read("docs/kvm-vmexit-count.md");
  for (const way of WAYS_OF_LOSS)
    assert.ok(text.includes(`\n- \`${way}\`: `), `docs/kvm-vmexit-count.md has no line for ${way}`);
});

test("docs/kvm-trace.md has the version, each record by its id, and each word of --events", () => {
  const text = read("docs/kvm-trace.md");
  assert.ok(text.includes(`version is ${VERSION};`), `docs/kvm-trace.md doesn't say version ${VERSION}`);
  const rows = [...text.matchAll(/^\| (0x[0-9a-f]+)((?:, [0-9a-f]+)*) \|/gm)].flatMap(
    ([, first = "", rest = ""]) => [
      first,
      ...rest
        .split(", ")
        .slice(1)
        .map((end) => first.slice(0, -end.length) + end),
    ],
  );
  for (const { id } of RECORDS) {
    const number = `0x${id.toString(16)}`;
    assert.ok(rows.includes(number), `docs/kvm-trace.md has no row for ${number}`);
  }
  for (const { name } of KINDS)
    assert.ok(text.includes(`\`${name}\``), `docs/kvm-trace.md doesn't name ${name} with --events`);
});
