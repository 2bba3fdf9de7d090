// SPDX-License-Identifier: MIT
// Writes dist/bin: each tool with all that it imports as one file, which runs as its command, or as the umbrella's word.
// Node finds and compiles some sixty modules otherwise, which is a fifth of a start.
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync, transformSync } from "esbuild";
import { TOOLS } from "../tools/commands";
import { PAGES, UMBRELLA } from "./commands";
import { PROJECT } from "./project";

const SHEBANG = "#!/usr/bin/env node";
/** For help, and what isn't a word: it has the tools' words and none of their code. */
const WORDS = `${UMBRELLA}-words`;

const BIN = join(PROJECT, "dist", "bin");
const TARGET = "node20.9";

const pathOf = (name: string) => join(BIN, `${name}.js`);

/** The licences of the packages in all bundles, by package. */
const LICENCES = new Map<string, string>();

/** The licences of the packages in a bundle. They have to be shown with it. */
function licences(inputs: readonly string[]): string {
  const packages = inputs.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  const texts = [...new Set(packages)].map((name) => {
    const text = readFileSync(join(PROJECT, "node_modules", name, "LICENSE"), "utf8").trim();
    LICENCES.set(name, text);
    return `${name}:\n${text}`;
  });
  return texts.length > 0 ? `/*\n${texts.join("\n\n").replaceAll("*/", "* /")}\n*/\n` : "";
}

/**
 * Writes a tool's file, and one for each part of it that is loaded when it is needed. esbuild splits modules of ECMAScript only, which
 * take longer to load than CommonJS: what it made is turned into that.
 */
function bundle(module: string, name: string): void {
  const { metafile, outputFiles } = buildSync({
    absWorkingDir: PROJECT,
    stdin: {
      contents: `import { tool } from "./${module}";
import { runTool } from "./lib/run";
export const main = (name, argv) => runTool(tool, name, argv);
`,
      resolveDir: join(PROJECT, "tools"),
      loader: "js",
    },
    outdir: BIN,
    entryNames: name,
    chunkNames: `${name}-[hash]`,
    bundle: true,
    splitting: true,
    // The modules that are loaded by words: each is in the file of its tool.
    external: name === WORDS ? TOOLS.map(({ word }) => `./${word}.js`) : [],
    format: "esm",
    platform: "node",
    target: TARGET,
    // Of 24 million instructions, which each start would pay.
    alias: { "node:child_process": "./packaging/lazy-child-process.ts" },
    logLevel: "warning",
    metafile: true,
    write: false,
  });
  for (const { path, text } of outputFiles) {
    const isEntry = path === pathOf(name);
    const { code } = transformSync(text, {
      format: "cjs",
      platform: "node",
      target: TARGET,
      supported: { "dynamic-import": false },
      // Names stay, for the stack of an internal error.
      minifyWhitespace: true,
      minifySyntax: true,
      ...(isEntry && {
        banner: SHEBANG,
        footer: `if (require.main === module) module.exports.main("${name}", process.argv.slice(2));`,
      }),
    });
    writeFileSync(path, isEntry ? code + licences(Object.keys(metafile.inputs)) : code);
  }
  chmodSync(pathOf(name), 0o755);
}

rmSync(BIN, { recursive: true, force: true });
mkdirSync(BIN, { recursive: true });
for (const { name, module } of PAGES) bundle(module, name === UMBRELLA ? WORDS : name);

const words = PAGES.flatMap(({ name, word }) =>
  word === undefined ? [] : [[word, `./${name}.js`] as const],
);
writeFileSync(
  pathOf(UMBRELLA),
  `${SHEBANG}
const FILES = new Map(${JSON.stringify(words)});
const argv = process.argv.slice(2);
const [word, ...rest] = argv[0] === "help" && FILES.has(argv[1]) ? [...argv.slice(1), "--help"] : argv;
const file = FILES.get(word);
if (file) require(file).main("${UMBRELLA} " + word, rest);
else require("./${WORDS}.js").main("${UMBRELLA}", argv);
`,
  { mode: 0o755 },
);

const texts = [...LICENCES]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, text]) => `==== ${name}\n\n${text}\n`);
writeFileSync(join(BIN, "LICENSES"), texts.join("\n"));
