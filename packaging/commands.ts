// SPDX-License-Identifier: MIT
// The tools as the package installs them: commands, and a man page for each.
import { TOOLS } from "../tools/commands";
import { tool as umbrella } from "../tools/kvm-vmexit";
import { type Tool, isGroup } from "../tools/lib/tool";

export const UMBRELLA = "kvm-vmexit";

/** A tool, or one that a word of it leads to. */
export interface Named {
  /** `kvm-vmexit trace record`. */
  readonly name: string;
  /** The words that follow the command's name: `trace`, `record`. */
  readonly path: readonly string[];
  readonly tool: Tool;
}

/** What has a page of its own, in docs/ and as a man page. */
export interface Page {
  /** The page's name: the command's, or what it would be. */
  readonly name: string;
  /** Whether there is a command of this name. */
  readonly installed: boolean;
  /** The word of the umbrella that does the same. */
  readonly word: string | undefined;
  /** The file that exports the tool, from tools/ and without its ending. */
  readonly module: string;
  readonly load: () => Promise<Tool>;
}

export const PAGES: readonly Page[] = [
  {
    name: UMBRELLA,
    installed: true,
    word: undefined,
    module: UMBRELLA,
    load: () => Promise.resolve(umbrella),
  },
  ...TOOLS.map(({ word, command, hidden, load }) => ({
    name: command ?? `${UMBRELLA}-${word}`,
    installed: command !== undefined,
    word: hidden ? undefined : word,
    module: `commands/${word}`,
    load,
  })),
].sort((a, b) => (a.name < b.name ? -1 : 1));

/** The commands that the package installs. */
export const COMMANDS = PAGES.filter(({ installed }) => installed);

async function below(name: string, path: readonly string[], tool: Tool): Promise<Named[]> {
  const words = isGroup(tool) ? tool.words : [];
  const trees = words.map(async ({ word, load }) => below(`${name} ${word}`, [...path, word], await load()));
  return [{ name, path, tool }, ...(await Promise.all(trees)).flat()];
}

/** A tool and all that its words lead to, itself first. */
export async function treeOf({ name, load }: Pick<Page, "name" | "load">): Promise<readonly Named[]> {
  return below(name, [], await load());
}
