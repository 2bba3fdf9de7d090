// SPDX-License-Identifier: MIT
// The two kinds of failure that a user is told about; everything else is a fault of ours.

/** The command line or another input is wrong: what, on what, why and what to do, in one line. Exit status 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** What is wrong, for programs; it stays when the message is reworded. */
  readonly code: "E_USAGE" | "E_OPTION" | "E_REASON" | "E_FORMAT";

  constructor(message: string, code: UsageError["code"] = "E_USAGE") {
    super(message);
    this.code = code;
  }
}

/** The machine lacks something, or something failed on it: one line that ends with the mend. Exit status 1. */
export class ToolError extends Error {
  override readonly name = "ToolError";
  /** What failed, for programs; it stays when the message is reworded. */
  readonly code: string;

  constructor(message: string, code = "E_HOST") {
    super(message);
    this.code = code;
  }
}

/** The message of anything thrown, for use inside another message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The system's word for what went wrong with a file, without its path: the message that has it names the file in its own way. */
export function causeOf(error: unknown): string {
  return messageOf(error).replace(/, \w+ '.*$/s, "");
}
