// Standard output and standard error of every tool: the only writers, which notice a closed pipe and a full disk.
import { ToolError } from "../../src/errors";

type Listener = () => void;

let failure: NodeJS.ErrnoException | undefined;
let listeners: Listener[] = [];

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  failure ??= error;
  for (const listener of listeners) listener();
});
// Nobody is left to be told when standard error itself fails.
process.stderr.on("error", () => undefined);

/** Calls `listener` once standard output can take no more, so that a tool ends instead of working for nobody. */
export function onOutputEnd(listener: Listener): void {
  if (failure) listener();
  else listeners.push(listener);
}

/** Writes lines to standard output, each with its newline, in one write so that a reader sees whole tables. */
export function print(lines: readonly string[]): void {
  if (lines.length > 0 && !failure) process.stdout.write(lines.join("\n") + "\n");
}

/** Writes one diagnostic line to standard error. */
export function diagnose(line: string): void {
  process.stderr.write(line + "\n");
}

/** Waits until everything printed has left the process. */
export function flushed(): Promise<void> {
  return new Promise((resolve) => {
    if (failure || process.stdout.writableLength === 0) resolve();
    else
      process.stdout.write("", () => {
        resolve();
      });
  });
}

/**
 * Throws if output was lost to anything but a reader that closed the pipe, which is that reader's right.
 * @throws ToolError naming the cause, such as a full disk
 */
export function checkOutput(): void {
  listeners = [];
  if (!failure || failure.code === "EPIPE") return;
  throw new ToolError(
    `cannot write to standard output: ${failure.message}; free some space or write elsewhere`,
  );
}
