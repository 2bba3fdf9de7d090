// SPDX-License-Identifier: MIT
// The rooms of docs/architecture.md: what each uses, in both directions, and what only some of them may do.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join, posix } from "node:path";
import test from "node:test";
import { ARM64_CLASSES, ARM64_RETURNS } from "../../src/reasons/arm64";
import { SVM_REASONS } from "../../src/reasons/svm";
import { VMX_REASONS } from "../../src/reasons/vmx";
import { PROJECT } from "../tools";

const PAGE = "docs/architecture.md";
/** Where the sources are that belong to a room. */
const ROOTS = ["bpf", "native", "src", "tools", "packaging"];
/** Modules of Node that reach nothing outside the process: any room may use them. */
const PURE =
  /^node:(buffer|events|module|path|stream|stream\/promises|string_decoder|timers\/promises|util|zlib)$/;

const isOurs = (name: string) => ROOTS.some((root) => name.startsWith(`${root}/`));

interface Room {
  /** Folders, which end in "/", and files. */
  readonly paths: readonly string[];
  readonly uses: readonly string[];
}

interface Source {
  readonly path: string;
  readonly text: string;
  /** Files of the project, and names of modules. */
  readonly imports: readonly string[];
}

/** The words of a cell that are set as code. */
const codes = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);

/** The rows of the page's table whose head begins with a word, as cells. */
function rows(head: string): string[][] {
  const lines = readFileSync(join(PROJECT, PAGE), "utf8").split("\n");
  const start = lines.findIndex((line) => line.startsWith(`| ${head} |`));
  assert.notEqual(start, -1, `${PAGE} has no table with the head "${head}"`);
  const rest = lines.slice(start + 2);
  const end = rest.findIndex((line) => !line.startsWith("|"));
  return rest.slice(0, end === -1 ? undefined : end).map((line) => line.split("|").slice(1, -1));
}

const ROOMS: readonly Room[] = rows("room").map(([name = "", , uses = ""]) => ({
  paths: codes(name),
  uses: codes(uses),
}));

/** The file that a relative import or include leads to. */
function target(from: string, name: string, files: ReadonlySet<string>): string {
  const path = posix.join(posix.dirname(from), name);
  const found = [path, `${path}.ts`, `${path}.mts`, `${path}/index.ts`, path.replace(/js$/, "ts")].find(
    (candidate) => files.has(candidate),
  );
  return found ?? path;
}

function readSources(): Source[] {
  const paths = ROOTS.flatMap((root) =>
    readdirSync(join(PROJECT, root), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(ts|mts|c|cc|h)$/.test(name))
      .map((name) => posix.join(root, name)),
  );
  const files = new Set(paths);
  return paths.map((path) => {
    const text = readFileSync(join(PROJECT, path), "utf8");
    const pattern = path.endsWith("ts")
      ? /^(?:import|export)\b[^;=("`]*\bfrom\s+"([^"]+)";|^import\s+"([^"]+)";|\bimport\("([^"]+)"\)/gm
      : /^#include "([^"]+)"/gm;
    const imports = [...text.matchAll(pattern)].map(([, ...found]) => {
      const word = found.join("");
      return word.startsWith(".") || !path.endsWith("ts") ? target(path, word, files) : word;
    });
    return { path, text, imports };
  });
}

const SOURCES = readSources();

/** Whether a file is in a folder, whose name ends in "/", or is the file. */
const isIn = (path: string, place: string) =>
  path === place || (place.endsWith("/") && path.startsWith(place));

/** The room of a file: of all whose places it is in, the one with the longest. */
function roomOf(path: string): Room | undefined {
  const depths = ROOMS.map(
    (room) =>
      [
        room,
        Math.max(0, ...room.paths.filter((place) => isIn(path, place)).map((place) => place.length)),
      ] as const,
  );
  return depths.filter(([, depth]) => depth > 0).sort(([, a], [, b]) => b - a)[0]?.[0];
}

const nameOf = (room: Room | undefined) => room?.paths[0] ?? "no room";

/** What a file uses, as its room's row would name it: other rooms by their first path, modules by their name. */
function usesOf({ path, imports }: Source): string[] {
  const own = roomOf(path);
  return imports
    .filter((name) => !PURE.test(name))
    .map((name) => (isOurs(name) ? nameOf(roomOf(name)) : name))
    .filter((name) => name !== nameOf(own));
}

function offenders(offends: (source: Source) => boolean): string[] {
  return SOURCES.filter(offends).map((source) => source.path);
}

test("each source is in a room, and each room has one", () => {
  assert.deepEqual(
    offenders(({ path }) => roomOf(path) === undefined),
    [],
  );
  const places = ROOMS.flatMap((room) => room.paths);
  assert.deepEqual(
    places.filter((place) => !SOURCES.some(({ path }) => path === place || path.startsWith(place))),
    [],
  );
});

test("no file uses what its room's row doesn't name", () => {
  const strange = SOURCES.flatMap((source) =>
    usesOf(source)
      .filter((name) => !roomOf(source.path)?.uses.includes(name))
      .map((name) => `${source.path} uses ${name}`),
  );
  assert.deepEqual([...new Set(strange)], []);
});

test("no row names what its room doesn't use", () => {
  const unused = ROOMS.flatMap((room) => {
    const used = new Set(SOURCES.filter(({ path }) => roomOf(path) === room).flatMap(usesOf));
    return room.uses.filter((name) => !used.has(name)).map((name) => `${nameOf(room)} doesn't use ${name}`);
  });
  assert.deepEqual(unused, []);
});

test("a room uses rooms above its row only", () => {
  const above = new Set<string>();
  const upward = ROOMS.flatMap((room) => {
    const wrong = room.uses.filter((name) => isOurs(name) && !above.has(name));
    above.add(nameOf(room));
    return wrong.map((name) => `${nameOf(room)} uses ${name}`);
  });
  assert.deepEqual(upward, []);
});

/** What only some rooms or files do: the deed, who may, and how it shows in the text of a file. */
const ONLY: readonly (readonly [string, readonly string[], RegExp])[] = [
  [
    "ends the process, uses its streams or handles signals",
    ["tools/lib/"],
    /\bprocess\.(exit|exitCode|abort|kill|on|once|off|stdin|stdout|stderr)\b|\bconsole\./,
  ],
  ["loads the addon", ["src/native/load.ts"], /\bprocess\.dlopen\b/],
  ["names the schema of the tools' JSON", ["src/measure/lines.ts"], /\bkvm-vmexit\/\d/],
  ["draws tables with cli-table3", ["src/render/table.ts"], /"cli-table3"/],
  [
    "fills up with blanks",
    ["src/render/", "src/screen/", "src/python/", "src/stat/", "tools/lib/"],
    /\.pad(?:Start|End)\((?![^()]*(?:\([^()]*\)[^()]*)*, "0"\))/,
  ],
];

for (const [deed, places, pattern] of ONLY)
  test(`only ${places.join(", ")} ${deed}`, () => {
    const doers = offenders(({ path, text }) => !path.startsWith("packaging/") && pattern.test(text));
    assert.deepEqual(
      doers.filter((path) => !places.some((place) => isIn(path, place))),
      [],
    );
    assert.deepEqual(
      places.filter((place) => !doers.some((path) => isIn(path, place))),
      [],
      "these may, and none does",
    );
  });

/** Names of reasons that say something else, too. */
const WORDS = new Set(["INIT", "IRQ", "TRAP", "UNKNOWN"]);

test("only src/reasons and src/details know a reason by its name", () => {
  const names = [VMX_REASONS, SVM_REASONS, ARM64_CLASSES, ARM64_RETURNS]
    .flatMap((table) => [...table.values()])
    .filter((name) => !WORDS.has(name));
  assert.ok(names.length > 200, "the tables are read");
  const quoted = new Set(names.map((name) => `"${name}"`));
  assert.deepEqual(
    offenders(
      ({ path, text }) =>
        !/^src\/(reasons|details)\//.test(path) &&
        [...text.matchAll(/"[A-Z][A-Z0-9_ ]*"/g)].some(([word]) => quoted.has(word)),
    ),
    [],
  );
});

test("each source says its licence in its first or second line", () => {
  const SOURCES = /\.(ts|mts|mjs|js|cc|c|h|sh)$|^lab\/(run|init|demo|nested|picture|fetch-.*)$/;
  const files = ROOTS.concat("lab", "test", "bench").flatMap((root) =>
    readdirSync(join(PROJECT, root), { recursive: true, encoding: "utf8" }).map((path) => `${root}/${path}`),
  );
  const sources = files.filter((path) => SOURCES.test(path) && !path.startsWith("test/data/"));
  assert.ok(sources.length > 400, String(sources.length));
  const without = sources.filter((path) => {
    const licence = path.startsWith("bpf/") ? "MIT OR GPL-2.0-only" : "MIT";
    const [first = "", second = ""] = readFileSync(join(PROJECT, path), "utf8").split("\n");
    return ![first, second].some((line) => line.includes(`SPDX-License-Identifier: ${licence}`));
  });
  assert.deepEqual(without, []);
});

test("messages name files, VMs and values by quoted(), in double quotes", () => {
  const files = String.raw`(?:this\.#)?(?:path|out|output|folder|default_recording)`;
  // A file that a message names without quotes, or something in quotes that is made safe by hand.
  const patterns = [new RegExp(String.raw`\$\{(?:safeText\()?${files}\)?\}`, "i"), /"\$\{safeText\(/];
  const message = /Error\(|diagnose\(|fail\(|fault\(|refuse\(|^\s*`/;
  // Paths that are opened, what kvm_stat says in its own words, and "FILE:LINE:" of definitions.
  const others = /\/proc|\/sys|\$\{root\}|\$\{\w+\}\/|\/\$\{|^\s*throw new Refusal/;
  const found = SOURCES.filter(({ path }) => /^(src|tools)\/.*ts$/.test(path)).flatMap(({ path, text }) =>
    text
      .split("\n")
      .filter((line) => message.test(line) && !others.test(line) && patterns.some((each) => each.test(line)))
      .map((line) => `${path}: ${line.trim()}`),
  );
  assert.deepEqual(found, []);
});
