// What a failed write is called, with the advice that helps against it.
import { ToolError, messageOf } from "../../src/errors";

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: "free some space, or name a file on another file system",
  EDQUOT: "free some space, or have the quota raised",
  EFBIG: "no file may be larger here: raise ulimit -f, or record less with --max-size",
};

/**
 * @param name the file's, safe to print
 * @param held what the file holds all the same, "" if nothing
 */
export function writeError(name: string, error: unknown, held: string): ToolError {
  const { code = "" } = error as NodeJS.ErrnoException;
  const advice = ADVICE[code] ?? "name another file";
  return new ToolError(
    `cannot write ${name}: ${messageOf(error)}; ${held === "" ? "" : `${held}: `}${advice}`,
  );
}
