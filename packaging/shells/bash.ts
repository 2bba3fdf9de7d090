// Writes a tool's completion for bash.
import type { Help } from "../help";
import {
  type Offers,
  REASONS,
  type Tool,
  identifier,
  namesReasons,
  offered,
  runsCommand,
  takesFiles,
  takesReasons,
  wordOf,
} from "./words";

const words = (list: readonly string[], more = "") => `compgen -W '${list.join(" ")}'${more} -- "$current"`;
const FILES = 'compgen -f -- "$current"';
const reply = (command: string) => `mapfile -t COMPREPLY < <(${command})`;
// Only where files are offered: a folder of the same name would put a slash behind any other word.
const REPLY_FILES = `{ compopt -o filenames 2>/dev/null; ${reply(FILES)}; }`;

const OFFERS: Offers = {
  choices: ({ choices }) => reply(words(choices)),
  pids: () => reply('compgen -W "$(cd /proc && echo [0-9]*)" -- "$current"'),
  // The last of a list; those before it are part of the word.
  reasons: () => reply('compgen -P "${current%"${current##*,}"}" -W "$reasons" -- "${current##*,}"'),
  file: () => REPLY_FILES,
  other: () => ":",
};

/** A case of the word before, for the options of a tool or one of its commands. */
function cases(help: Help): string[] {
  const values = help.options
    .filter(({ value }) => value !== undefined)
    .map((option) => `  ${option.flags.join(" | ")}) ${offered(option, OFFERS)} ;;`);
  const flags = help.options.flatMap((option) => option.flags);
  const all = reply(
    words(
      [...help.commands, ...flags, ...(runsCommand(help) ? ["--"] : [])],
      takesReasons(help) ? '" $reasons"' : "",
    ),
  );
  const any = takesFiles(help) ? `if [[ $current == -* ]]; then ${all}; else ${REPLY_FILES}; fi` : all;
  return values.length === 0 ? [any] : ["case $previous in", ...values, `  *) ${any} ;;`, "esac"];
}

const REASONS_LOCAL = `
  local reasons='${REASONS.vmx}'
  [[ ! -d ${REASONS.module} ]] || reasons='${REASONS.svm}'`;

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

/** The file's text. */
export function bash(tool: Tool): string {
  const { help, commands } = tool;
  const name = `_${identifier(tool)}`;
  const runs = [help, ...commands].some(runsCommand);
  const indent = (lines: readonly string[], by: string) => lines.map((line) => by + line).join("\n");
  const body =
    commands.length === 0
      ? indent(cases(help), "  ")
      : `  local command=
  ((COMP_CWORD == 1)) || command=\${COMP_WORDS[1]}
  case $command in
${commands.map((command) => `    ${wordOf(command)})\n${indent(cases(command), "      ")}\n      ;;`).join("\n")}
    '')
${indent(cases(help), "      ")}
      ;;
  esac`;
  return `# bash completion of ${help.name}
${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}${runs ? " i" : ""}${namesReasons(tool) ? REASONS_LOCAL : ""}
  COMPREPLY=()${runs ? COMMAND_LINE : ""}
  # --option=value comes as three words.
  [[ $previous != = ]] || previous=\${COMP_WORDS[COMP_CWORD - 2]}
  [[ $current != = ]] || current=
${body}
}
complete -F ${name} ${help.name}
`;
}
