// SPDX-License-Identifier: MIT
// Writes dist/completions: a file for each command and each of bash, zsh and fish, made of the tool's options.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS, type Named, treeOf } from "./commands";
import { PROJECT } from "./project";
import { bash } from "./shells/bash";
import { fish } from "./shells/fish";
import { zsh } from "./shells/zsh";

/** Folder, name of a command's file in it, and the file's text. */
const SHELLS: readonly (readonly [
  string,
  (command: string) => string,
  (command: string, tree: readonly Named[]) => string,
])[] = [
  ["bash", (command) => command, bash],
  ["zsh", (command) => `_${command}`, zsh],
  ["fish", (command) => `${command}.fish`, fish],
];

async function main(): Promise<void> {
  const completions = join(PROJECT, "dist", "completions");
  for (const command of COMMANDS) {
    const tree = await treeOf(command);
    for (const [shell, file, text] of SHELLS) {
      mkdirSync(join(completions, shell), { recursive: true });
      writeFileSync(join(completions, shell, file(command.name)), text(command.name, tree));
    }
  }
}

void main();
