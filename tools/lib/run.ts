// SPDX-License-Identifier: MIT
// Runs a tool and turns what comes of it into output, one line on standard error, and an exit status.
import { ToolError, UsageError, messageOf } from "../../src/errors";
import { safeText } from "../../src/text";
import { checkWord, readCommandLine } from "./command-line";
import { helpLines } from "./help";
import {
  checkOutput,
  diagnose,
  diagnosticsWritten,
  nameTool,
  outputColumns,
  outputWritten,
  print,
} from "./output";
import { Asked, type Command, type Context, type Group, type Tool, isGroup } from "./tool";
import { version } from "./version";

/** What a run ends with: its exit status, 0 if nothing. */
export type Status = number | undefined;

/** What a wrong command line ends with. */
const WRONG = 2;

/** The oldest major version of Node that package.json and the tests name. */
const OLDEST_NODE = 20;

function checkNode(): void {
  if (parseInt(process.versions.node) < OLDEST_NODE)
    throw new ToolError(
      `this is Node ${process.versions.node}, and ${OLDEST_NODE}.9 or later is needed; the .deb, the .rpm and the archive bring one`,
    );
}

function statusOf(name: string, error: unknown): number {
  if (error instanceof UsageError) {
    diagnose(`${name}: ${safeText(error.message)}`);
    return WRONG;
  }
  if (error instanceof ToolError) {
    diagnose(`${name}: ${error.message}`);
    return 1;
  }
  diagnose(`${name}: internal error: ${messageOf(error)}; please report it`);
  if (process.env["KVM_VMEXIT_DEBUG"] && error instanceof Error) diagnose(error.stack ?? "");
  return 1;
}

function contextOf(command: Command, name: string, argv: readonly string[]): Context<never> {
  if (command.readsItself) return { name, argv, options: {} as never, operands: [], command: [] };
  // The options' types follow from the same data that the command line is read by.
  const { options, operands, command: toRun } = readCommandLine(command, name, argv);
  return { name, argv, options: options as never, operands, command: toRun };
}

/** Prints what was asked for in place of a run. */
function answer(tool: Tool, name: string, what: "help" | "version"): number {
  print(what === "help" ? helpLines(tool, name, outputColumns()) : [version()]);
  return 0;
}

/** Runs what a tool does, or prints what was asked for in its place. */
async function runOrAnswer(tool: Tool, name: string, run: () => Status | Promise<Status>): Promise<number> {
  let status: Status;
  try {
    status = await run();
  } catch (error) {
    if (!(error instanceof Asked)) throw error;
    status = answer(tool, name, error.what);
  }
  await outputWritten();
  checkOutput();
  return status ?? 0;
}

async function runGroup(group: Group, name: string, argv: readonly string[]): Promise<number> {
  const [word, ...rest] = argv[0] === "help" ? [...argv.slice(1), "--help"] : argv;
  const found = group.words.find((each) => each.word === word);
  if (found) return runNamed(await found.load(), `${name} ${found.word}`, rest);
  return runOrAnswer(group, name, () => {
    if (word !== undefined) checkWord(group, name, word);
    answer(group, name, "help");
    return WRONG;
  });
}

/** Runs a tool; what is wrong is said with the whole name by which it was called. */
async function runNamed(tool: Tool, name: string, argv: readonly string[]): Promise<number> {
  nameTool(name);
  try {
    checkNode();
    if (isGroup(tool)) return await runGroup(tool, name, argv);
    return await runOrAnswer(tool, name, () => tool.run(contextOf(tool, name, argv)));
  } catch (error) {
    return statusOf(name, error);
  }
}

/** Runs a tool as `name`, and ends the process with its exit status; never returns to the caller. */
export function runTool(tool: Tool, name: string, argv: readonly string[]): void {
  const finish = async (): Promise<number> => {
    const status = await runNamed(tool, name, argv);
    await outputWritten();
    await diagnosticsWritten();
    return status;
  };
  void finish().then((status) => process.exit(status));
}
