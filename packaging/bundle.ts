// SPDX-License-Identifier: MIT
// Writes dist/bin: each tool with all that it imports as one file, which runs as its command, or as the umbrella's word.
// Node finds and compiles some sixty modules otherwise, which is a fifth of a start.
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { PAGES, UMBRELLA } from "./commands";
import { PROJECT } from "./project";

const SHEBANG = "#!/usr/bin/env node";
/** All tools in one file: twice what a tool of its own takes to load. For help, and what isn't a word. */
const ALL = `${UMBRELLA}-words`;

const pathOf = (name: string) => join(PROJECT, "dist", "bin", `${name}.js`);

/** The licences of the packages in a bundle. They have to be shown with it. */
function licences(inputs: readonly string[]): string {
  const packages = inputs.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  const texts = [...new Set(packages)].map(
    (name) => `${name}:\n${readFileSync(join(PROJECT, "node_modules", name, "LICENSE"), "utf8").trim()}`,
  );
  return texts.length > 0 ? `/*\n${texts.join("\n\n").replaceAll("*/", "* /")}\n*/\n` : "";
}

function bundle(module: string, name: string): void {
  const { metafile } = buildSync({
    absWorkingDir: PROJECT,
    stdin: {
      contents: `import { tool } from "./${module}";
import { runTool } from "./lib/run";
export const main = (name, argv) => runTool(tool, name, argv);
if (require.main === module) main("${name}", process.argv.slice(2));
`,
      resolveDir: join(PROJECT, "tools"),
      loader: "js",
    },
    banner: { js: SHEBANG },
    outfile: pathOf(name),
    bundle: true,
    platform: "node",
    target: "node20.9",
    // Of 24 million instructions, which each start would pay.
    alias: { "node:child_process": "./packaging/lazy-child-process.ts" },
    logLevel: "warning",
    metafile: true,
  });
  appendFileSync(pathOf(name), licences(Object.keys(metafile.inputs)));
  chmodSync(pathOf(name), 0o755);
}

for (const { name, module } of PAGES) bundle(module, name === UMBRELLA ? ALL : name);

const words = PAGES.flatMap(({ name, word }) =>
  word === undefined ? [] : [[word, `./${name}.js`] as const],
);
writeFileSync(
  pathOf(UMBRELLA),
  `${SHEBANG}
const FILES = new Map(${JSON.stringify(words)});
const [word, ...rest] = process.argv.slice(2);
const file = FILES.get(word);
if (file) require(file).main("${UMBRELLA} " + word, rest);
else require("./${ALL}.js").main("${UMBRELLA}", process.argv.slice(2));
`,
  { mode: 0o755 },
);
