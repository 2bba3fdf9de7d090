// SPDX-License-Identifier: MIT
// Writes a command's completion for fish.
import { optionsOf } from "../../tools/lib/help";
import { isGroup } from "../../tools/lib/tool";
import type { Named } from "../commands";
import {
  type Offers,
  PRINT_PIDS,
  PRINT_REASONS,
  PRINT_VMS,
  REASONS,
  REASONS_OF_X86,
  identifier,
  namesReasons,
  offered,
  quoted,
  runsCommand,
  takes,
} from "./words";

const quote = (text: string) => quoted(text.replaceAll("\\", "\\\\"), "\\'");

const OFFERS: Offers = {
  choices: ({ choices = [], implied }) =>
    `${implied === undefined ? "-x" : "-f"} -a ${quote(choices.join(" "))}`,
  pids: () => `-x -a '(__fish_complete_list , "${PRINT_PIDS}")'`,
  vms: () => `-x -a '(${PRINT_VMS})'`,
  reasons: () => `-x -a '(__fish_complete_list , ${PRINT_REASONS})'`,
  file: () => "-r -F",
  other: () => "-x",
};

/** Lines for the options, operands and words of a tool, offered where `condition` holds. */
function lines(command: string, { tool }: Named, condition: readonly string[]): string[] {
  const line = (...more: readonly string[]) => ["complete", "-c", command, ...condition, ...more].join(" ");
  const words = isGroup(tool)
    ? [
        ...tool.words.map(({ word, summary }) => line("-a", word, "-d", quote(summary))),
        line("-a", "help", "-d", quote("show the help of a word")),
      ]
    : [];
  const options = optionsOf(tool).map((option) => {
    const names = option.flags.map((flag) =>
      flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
    );
    const value = option.value === undefined ? [] : [offered(option, OFFERS)];
    return line(...names, ...value, "-d", quote(option.description));
  });
  const files = takes(tool, "file") ? [line("-F")] : [];
  const reasons = takes(tool, "reasons") ? [line("-a", `'(${PRINT_REASONS})'`)] : [];
  return [...words, ...files, ...reasons, ...options];
}

const REASONS_FUNCTION = `function ${PRINT_REASONS}
    switch (uname -m)
${Object.entries(REASONS)
  .map(([machine, names]) => `        case ${machine}\n            string split ' ' '${names}'`)
  .join("\n")}
        case '*'
            if string match -q '* svm *' -- (grep -m 1 '^flags' /proc/cpuinfo 2>/dev/null)' '
                string split ' ' '${REASONS_OF_X86.svm}'
            else
                string split ' ' '${REASONS_OF_X86.vmx}'
            end
    end
end
`;

function commandLine(command: string): string {
  const name = `__${identifier(command)}_command`;
  return `function ${name}
    set -l words (commandline -opc)
    if set -l separator (contains -i -- -- $words)
        set -e words[1..$separator]
        complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))
    end
end
complete -c ${command} -a '(${name})'
`;
}

/** Functions that say whether the words so far are a path, or begin with one. */
function pathFunctions(command: string): string {
  const name = `__${identifier(command)}`;
  return `function ${name}_words
    set -l words (commandline -opc)
    set -e words[1]
    test "$words[1]" = help; and set -e words[1]
    string join \\n -- $words
end
function ${name}_at
    set -l words (${name}_words)
    test "$words" = "$argv"
end
function ${name}_under
    set -l words (${name}_words)
    test "$words[1..$(count $argv)]" = "$argv"
end
`;
}

/** The file's text. */
export function fish(command: string, tree: readonly Named[]): string {
  const grouped = tree.length > 1;
  const all = tree.flatMap((named) => {
    const where = isGroup(named.tool) ? "at" : "under";
    const condition = `'__${identifier(command)}_${where} ${named.path.join(" ")}'`;
    return lines(command, named, grouped ? ["-n", condition] : []);
  });
  return `# fish completion of ${command}
complete -c ${command} -f
${namesReasons(tree) ? REASONS_FUNCTION : ""}${tree.some(({ tool }) => runsCommand(tool)) ? commandLine(command) : ""}${grouped ? pathFunctions(command) : ""}${all.join("\n")}
`;
}
