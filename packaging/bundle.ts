// Writes dist/bin: each tool with all that it imports as one file. Node finds and compiles some sixty modules otherwise, which is a fifth of a start.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { PROJECT, toolNames } from "./help";

/** Packages whose code is in the tools, and whose licences are shown with it. cli-table3 is loaded with the first table. */
const BUNDLED = ["commander"];

const licences = BUNDLED.map(
  (name) => `${name}:\n${readFileSync(join(PROJECT, "node_modules", name, "LICENSE"), "utf8").trim()}`,
);

buildSync({
  absWorkingDir: PROJECT,
  entryPoints: toolNames().map((name) => `tools/${name}.ts`),
  outdir: "dist/bin",
  bundle: true,
  platform: "node",
  target: "node20.9",
  // Of 24 million instructions, and commander would load it at each start.
  alias: { "node:child_process": "./packaging/lazy-child-process.ts" },
  footer: { js: `/*\n${licences.join("\n\n")}\n*/` },
  logLevel: "warning",
});
