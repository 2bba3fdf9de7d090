// SPDX-License-Identifier: MIT
// Writes a command's completion for bash.
import { optionsOf } from "../../tools/lib/help";
import type { Option, Tool } from "../../tools/lib/tool";
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
  runsCommand,
  takes,
  wordsOf,
} from "./words";

const words = (list: readonly string[], more = "") => `compgen -W '${list.join(" ")}'${more} -- "$current"`;
const FILES = 'compgen -f -- "$current"';
const reply = (command: string) => `mapfile -t COMPREPLY < <(${command})`;
// Only where files are offered: a folder of the same name would put a slash after any other word.
const REPLY_FILES = `{ compopt -o filenames 2>/dev/null; ${reply(FILES)}; }`;

// The last of a list; those before it are part of the word.
const lastOf = (printing: string) =>
  `compgen -P "\${current%"\${current##*,}"}" -W "$(${printing})" -- "\${current##*,}"`;

const OFFERS: Offers = {
  choices: ({ choices = [] }) => reply(words(choices)),
  pids: () => reply(lastOf(PRINT_PIDS)),
  vms: () => reply(`compgen -W "$(${PRINT_VMS})" -- "$current"`),
  reasons: () => reply(lastOf(PRINT_REASONS)),
  file: () => REPLY_FILES,
  other: () => ":",
};

/** What the word before is where the option's value follows: after an `=`, that and the flag. */
function patternOf({ flags, implied }: Option): string {
  const joined = flags.filter((flag) => flag.startsWith("--")).map((flag) => `=${flag}`);
  return [...(implied === undefined ? flags : []), ...joined].join(" | ");
}

/** A case of the word before, for the options of a tool. */
function cases(tool: Tool): string[] {
  const options = optionsOf(tool);
  const values = options
    .filter(({ value }) => value !== undefined)
    .map((option) => `  ${patternOf(option)}) ${offered(option, OFFERS)} ;;`);
  const flags = options.flatMap((option) => option.flags);
  const all = reply(
    words(
      [...wordsOf(tool), ...flags, ...(runsCommand(tool) ? ["--"] : [])],
      takes(tool, "reasons") ? `" $(${PRINT_REASONS})"` : "",
    ),
  );
  const any = takes(tool, "file") ? `if [[ $current == -* ]]; then ${all}; else ${REPLY_FILES}; fi` : all;
  return values.length === 0 ? [any] : ["case $previous in", ...values, `  *) ${any} ;;`, "esac"];
}

const REASONS_FUNCTION = `${PRINT_REASONS}() {
  case $(uname -m) in
${Object.entries(REASONS)
  .map(([machine, names]) => `  ${machine}) echo '${names}' ;;`)
  .join("\n")}
  *) if [[ "$(grep -m 1 '^flags' /proc/cpuinfo 2>/dev/null) " == *' svm '* ]]; then
      echo '${REASONS_OF_X86.svm}'
    else
      echo '${REASONS_OF_X86.vmx}'
    fi ;;
  esac
}
`;

const COMMAND_LINE = `
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ \${COMP_WORDS[i]} == -- ]] || continue
    if declare -F _command_offset >/dev/null; then
      _command_offset $((i + 1))
    elif ((i + 1 == COMP_CWORD)); then
      ${reply('compgen -c -- "$current"')}
    else
      ${REPLY_FILES}
    fi
    return
  done`;

const indent = (lines: readonly string[], by: string) => lines.map((line) => by + line).join("\n");

/** The words so far that lead to a tool, in `path`. */
function pathOf(tree: readonly Named[]): string {
  const paths = tree.filter(({ path }) => path.length > 0).map(({ path }) => `' ${path.join(" ")}'`);
  return `
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ $i != 1 || \${COMP_WORDS[i]} != help ]] || continue
    case "$path \${COMP_WORDS[i]}" in
      ${paths.join(" | ")}) path+=" \${COMP_WORDS[i]}" ;;
      *) break ;;
    esac
  done`;
}

/** The file's text. */
export function bash(command: string, tree: readonly Named[]): string {
  const [root] = tree;
  if (!root) return "";
  const name = `_${identifier(command)}`;
  const runs = tree.some(({ tool }) => runsCommand(tool));
  const grouped = tree.length > 1;
  const branches = tree.map(({ path, tool }) => {
    const place = path.map((word) => ` ${word}`).join("");
    return `    '${place}')\n${indent(cases(tool), "      ")}\n      ;;`;
  });
  return `# bash completion of ${command}
${namesReasons(tree) ? REASONS_FUNCTION : ""}${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}${runs || grouped ? " i" : ""}${grouped ? " path=" : ""}
  COMPREPLY=()${runs ? COMMAND_LINE : ""}${grouped ? pathOf(tree) : ""}
  # --option=value comes as three words.
  [[ $previous != = ]] || previous='='\${COMP_WORDS[COMP_CWORD - 2]}
  [[ $current != = ]] || { current=; previous="=$previous"; }
${grouped ? `  case $path in\n${branches.join("\n")}\n  esac` : indent(cases(root.tool), "  ")}
}
complete -F ${name} ${command}
`;
}
