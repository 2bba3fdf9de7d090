// Writes dist/completions: for each tool a file for bash, zsh and fish, of what it says with --help.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT, helpOf, helpsOfCommands, toolNames } from "./help";
import { bash } from "./shells/bash";
import { fish } from "./shells/fish";
import type { Tool } from "./shells/words";
import { zsh } from "./shells/zsh";

/** Folder, name of a tool's file in it, and the file's text. */
const SHELLS: readonly (readonly [string, (tool: string) => string, (tool: Tool) => string])[] = [
  ["bash", (tool) => tool, bash],
  ["zsh", (tool) => `_${tool}`, zsh],
  ["fish", (tool) => `${tool}.fish`, fish],
];

for (const name of toolNames()) {
  const help = helpOf(name);
  const commands = helpsOfCommands(help);
  for (const [shell, file, text] of SHELLS) {
    const folder = join(PROJECT, "dist", "completions", shell);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, file(name)), text({ help, commands }));
  }
}
