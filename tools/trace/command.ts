// What all commands of kvm-trace have alike: help, and how a wrong command line is refused.
import { Command } from "commander";
import { parserOutput } from "../lib/output";

/** A commander command; an example is a command line and what it does. */
export function command(
  name: string,
  tool: string,
  description: string,
  examples: readonly (readonly [string, string])[],
): Command {
  const width = Math.max(...examples.map(([example]) => example.length)) + 2;
  const lines = examples.map(([example, what]) => `  ${example.padEnd(width)}${what}`);
  return new Command(name)
    .description(description)
    .helpOption("-h, --help", "show this help")
    .configureHelp({ helpWidth: 80 })
    .configureOutput(parserOutput(tool))
    .exitOverride()
    .addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}
