// SPDX-License-Identifier: MIT
// What a failed write is called, with the advice that helps against it.
import { ToolError, messageOf } from "../../src/errors";

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: "free some space, or ",
  EDQUOT: "free some space, have the quota raised, or ",
  EFBIG: "no file may be larger here: raise ulimit -f, or ",
};

/**
 * @param name what was written, safe to print
 * @param held what it holds all the same, "" if nothing
 * @param elsewhere what helps against any failure
 */
export function writeError(
  name: string,
  error: unknown,
  held = "",
  elsewhere = "name a file on another file system",
): ToolError {
  const { code = "" } = error as NodeJS.ErrnoException;
  const advice = (ADVICE[code] ?? "") + elsewhere;
  return new ToolError(
    `cannot write ${name}: ${messageOf(error)}; ${held === "" ? "" : `${held}: `}${advice}`,
  );
}
