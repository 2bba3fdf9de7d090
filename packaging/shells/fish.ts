// Writes a tool's completion for fish.
import type { Help } from "../help";
import {
  type Offers,
  REASONS,
  type Tool,
  identifier,
  namesReasons,
  offered,
  quoted,
  runsCommand,
  shortly,
  takesFiles,
  takesReasons,
  wordOf,
} from "./words";

const quote = (text: string) => quoted(text.replaceAll("\\", "\\\\"), "\\'");

/** The function that prints the names of exit reasons. */
const PRINT_REASONS = "__kvm_vmexit_reasons";

const OFFERS: Offers = {
  choices: ({ choices }) => `-x -a ${quote(choices.join(" "))}`,
  pids: () => "-x -a '(__fish_complete_pids)'",
  reasons: () => `-x -a '(__fish_complete_list , ${PRINT_REASONS})'`,
  file: () => "-r -F",
  other: () => "-x",
};

/** Lines for the options and operands of a tool or one of its commands, offered under a condition. */
function lines(tool: string, help: Help, condition: readonly string[]): string[] {
  const options = help.options.map((option) => {
    const names = option.flags.map((flag) =>
      flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
    );
    const value = option.value === undefined ? [] : [offered(option, OFFERS)];
    return ["complete", "-c", tool, ...condition, ...names, ...value, "-d", quote(shortly(option))].join(" ");
  });
  const files = takesFiles(help) ? [["complete", "-c", tool, ...condition, "-F"].join(" ")] : [];
  const reasons = takesReasons(help)
    ? [["complete", "-c", tool, ...condition, "-a", `'(${PRINT_REASONS})'`].join(" ")]
    : [];
  return [...files, ...reasons, ...options];
}

const REASONS_FUNCTION = `function ${PRINT_REASONS}
    if test -d ${REASONS.module}
        string split ' ' '${REASONS.svm}'
    else
        string split ' ' '${REASONS.vmx}'
    end
end
`;

function commandLine(tool: Tool): string {
  const name = `__${identifier(tool)}_command`;
  return `function ${name}
    set -l words (commandline -opc)
    if set -l separator (contains -i -- -- $words)
        set -e words[1..$separator]
        complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))
    end
end
complete -c ${tool.help.name} -a '(${name})'
`;
}

/** The file's text. */
export function fish(tool: Tool): string {
  const { help, commands } = tool;
  const own = commands.length === 0 ? [] : ["-n", "__fish_use_subcommand"];
  const named = commands.map((command) => {
    const description = quote(command.description.replace(/\.$/, ""));
    return `complete -c ${help.name} ${own.join(" ")} -a ${wordOf(command)} -d ${description}`;
  });
  const theirs = commands.flatMap((command) =>
    lines(help.name, command, ["-n", `'__fish_seen_subcommand_from ${wordOf(command)}'`]),
  );
  return `# fish completion of ${help.name}
complete -c ${help.name} -f
${namesReasons(tool) ? REASONS_FUNCTION : ""}${[help, ...commands].some(runsCommand) ? commandLine(tool) : ""}${[...named, ...lines(help.name, help, own), ...theirs].join("\n")}
`;
}
