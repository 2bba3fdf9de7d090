// The two kinds of failure that a user is told about; everything else is a fault of ours.

/** The command line or another input is wrong: what, on what, why and what to do, in one line. Exit status 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The machine lacks something, or something failed on it: one line that ends with the mend. Exit status 1. */
export class ToolError extends Error {
  override readonly name = "ToolError";
}

/** The message of anything thrown, for use inside another message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
