// Writes a tool's completion for zsh.
import type { Help } from "../help";
import {
  type Offers,
  REASONS,
  type Tool,
  namesReasons,
  offered,
  quoted,
  repeats,
  runsCommand,
  shortly,
  takesFiles,
  takesReasons,
  wordOf,
} from "./words";

const OFFERS: Offers = {
  choices: ({ choices }) => `(${choices.join(" ")})`,
  pids: () => "_pids",
  reasons: () => " _values -s , reason $reasons",
  file: () => "_files",
  other: () => " ",
};

/** The call that completes options and operands of a tool or one of its commands. */
function argumentsOf(help: Help): string {
  const options = help.options.flatMap((option) => {
    const { flags, value } = option;
    const text = `[${shortly(option).replace(/[\\[\]:]/g, "\\$&")}]`;
    const argument = value === undefined ? "" : `:${value}:${offered(option, OFFERS)}`;
    // One of the option's names excludes the others, or it may come again; = and + say that the value may follow without a space.
    return flags.map((flag) => {
      const joint = value === undefined ? "" : flag.startsWith("--") ? "=" : "+";
      const others = repeats(option) ? "*" : `(${flags.join(" ")})`;
      return quoted(`${others}${flag}${joint}${text}${argument}`, "'\\''");
    });
  });
  const operand = takesFiles(help)
    ? "'*:file:_files'"
    : help.commands.length > 0
      ? `'1:command:(${help.commands.join(" ")})'`
      : takesReasons(help)
        ? "'*:reason:($reasons)'"
        : "'*:operand:( )'";
  return ["_arguments -s", ...options, operand].join(" \\\n    ");
}

const REASONS_LOCAL = `local -a reasons=(${REASONS.vmx})
[[ ! -d ${REASONS.module} ]] || reasons=(${REASONS.svm})
`;

const COMMAND_LINE = `local separator=\${words[(i)--]}
if ((separator < CURRENT)); then
  shift separator words
  ((CURRENT -= separator))
  _normal
  return
fi
`;

/** The file's text. */
export function zsh(tool: Tool): string {
  const { help, commands } = tool;
  const cases = commands.map(
    (command) => `${wordOf(command)})
  shift words
  ((CURRENT--))
  ${argumentsOf(command)}
  ;;
`,
  );
  const body =
    cases.length === 0
      ? argumentsOf(help)
      : `local command=
((CURRENT == 2)) || command=\${words[2]}
case $command in
${cases.join("")}'')
  ${argumentsOf(help)}
  ;;
esac`;
  return `#compdef ${help.name}
# zsh completion of ${help.name}
${[help, ...commands].some(runsCommand) ? COMMAND_LINE : ""}${namesReasons(tool) ? REASONS_LOCAL : ""}${body}
`;
}
