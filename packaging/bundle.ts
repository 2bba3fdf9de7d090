// Writes dist/bin: each tool with all that it imports as one file, which runs as its command, or as the umbrella's word.
// Node finds and compiles some sixty modules otherwise, which is a fifth of a start.
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { PAGES, UMBRELLA } from "./commands";
import { PROJECT } from "./project";

const SHEBANG = "#!/usr/bin/env node";
/** All tools in one file: twice what a tool of its own takes to load. For help, and what isn't a word. */
const ALL = `${UMBRELLA}-words`;

const pathOf = (name: string) => join(PROJECT, "dist", "bin", `${name}.js`);

function bundle(module: string, name: string): void {
  buildSync({
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
  });
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
