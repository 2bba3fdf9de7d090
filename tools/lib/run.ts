// Runs a tool's main function and turns what comes of it into one line on standard error and an exit status.
import { CommanderError } from "commander";
import { ToolError, UsageError, messageOf } from "../../src/errors";
import { safeText } from "../../src/text";
import { checkOutput, diagnose, outputWritten } from "./output";

/** What a tool's main function returns: its exit status, 0 if nothing. */
export type Status = number | undefined;

function statusOf(name: string, error: unknown): number {
  // commander has printed its own message, or the help or version that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) {
    diagnose(`${name}: ${safeText(error.message)}`);
    return 2;
  }
  if (error instanceof ToolError) {
    diagnose(`${name}: ${error.message}`);
    return 1;
  }
  diagnose(`${name}: internal error: ${messageOf(error)}; please report it`);
  if (process.env["KVM_VMEXIT_DEBUG"] && error instanceof Error) diagnose(error.stack ?? "");
  return 1;
}

/** Runs `main` as the tool called `name` and ends the process with its exit status; never returns to the caller. */
export function runTool(name: string, main: () => Promise<Status> | Status): void {
  const finish = async (): Promise<number> => {
    let status: number;
    try {
      status = (await main()) ?? 0;
    } catch (error) {
      status = statusOf(name, error);
    }
    await outputWritten();
    try {
      checkOutput();
    } catch (error) {
      return statusOf(name, error);
    }
    return status;
  };
  void finish().then((status) => process.exit(status));
}
