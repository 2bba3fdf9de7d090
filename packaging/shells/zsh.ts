// SPDX-License-Identifier: MIT
// Writes a command's completion for zsh.
import { optionsOf } from "../../tools/lib/help";
import { type Option, type Tool, isGroup } from "../../tools/lib/tool";
import type { Named } from "../commands";
import {
  type Offers,
  PRINT_PIDS,
  PRINT_VMS,
  REASONS,
  REASONS_OF_X86,
  namesReasons,
  offered,
  quoted,
  runsCommand,
  takes,
  wordsOf,
} from "./words";

const OFFERS: Offers = {
  choices: ({ choices = [] }) => `(${choices.join(" ")})`,
  pids: () => `{compset -P "*,"; compadd - $(${PRINT_PIDS})}`,
  vms: () => `{compadd - $(${PRINT_VMS})}`,
  reasons: () => " _values -s , reason $reasons",
  file: () => "_files",
  other: () => " ",
};

/** What _arguments needs of an option, for each of its names. */
function specifications(option: Option): string[] {
  const { flags, value, implied, description, repeats } = option;
  const text = `[${description.replace(/[\\[\]:]/g, "\\$&")}]`;
  const argument =
    value === undefined ? "" : `${implied === undefined ? "" : ":"}:${value}:${offered(option, OFFERS)}`;
  // One of the option's names excludes the others, or it may come again. = and + say that the value may follow without a space,
  // =- that it follows so only.
  return flags.map((flag) => {
    const joint =
      value === undefined ? "" : !flag.startsWith("--") ? "+" : implied === undefined ? "=" : "=-";
    const others = repeats ? "*" : `(${flags.join(" ")})`;
    return quoted(`${others}${flag}${joint}${text}${argument}`, "'\\''");
  });
}

/** The call that completes options and operands of a tool. */
function argumentsOf(tool: Tool): string {
  const operand = isGroup(tool)
    ? `'1:word:(${wordsOf(tool).join(" ")})'`
    : takes(tool, "file")
      ? "'*:file:_files'"
      : takes(tool, "reasons")
        ? "'*:reason:($reasons)'"
        : "'*:operand:( )'";
  return ["_arguments -s", ...optionsOf(tool).flatMap(specifications), operand].join(" \\\n    ");
}

/** The code for a place in the tree, once the words that lead to it are shifted away. */
function place(tree: readonly Named[], { path, tool }: Named): string {
  if (!isGroup(tool)) return argumentsOf(tool);
  const depth = path.length;
  const children = tree.filter(
    (other) => other.path.length === depth + 1 && path.every((word, at) => other.path[at] === word),
  );
  const cases = children.map(
    (child) => `${child.path[depth] ?? ""})
shift words
((CURRENT--))
${place(tree, child)}
;;
`,
  );
  return `word=
((CURRENT == 2)) || word=\${words[2]}
case $word in
${cases.join("")}'')
${argumentsOf(tool)}
;;
esac`;
}

const REASONS_LOCAL = `local -a reasons
case $(uname -m) in
${Object.entries(REASONS)
  .map(([machine, names]) => `${machine}) reasons=(${names}) ;;`)
  .join("\n")}
*) if [[ "$(grep -m 1 '^flags' /proc/cpuinfo 2>/dev/null) " == *' svm '* ]]; then
    reasons=(${REASONS_OF_X86.svm})
  else
    reasons=(${REASONS_OF_X86.vmx})
  fi ;;
esac
`;

const COMMAND_LINE = `local separator=\${words[(i)--]}
if ((separator < CURRENT)); then
  shift separator words
  ((CURRENT -= separator))
  _normal
  return
fi
`;

const WORDS = `local word
if ((CURRENT > 2)) && [[ \${words[2]} == help ]]; then
  shift words
  ((CURRENT--))
fi
`;

/** The file's text. */
export function zsh(command: string, tree: readonly Named[]): string {
  const [root] = tree;
  if (!root) return "";
  return `#compdef ${command}
# zsh completion of ${command}
${tree.some(({ tool }) => runsCommand(tool)) ? COMMAND_LINE : ""}${namesReasons(tree) ? REASONS_LOCAL : ""}${isGroup(root.tool) ? WORDS : ""}${place(tree, root)}
`;
}
