// SPDX-License-Identifier: MIT
// Checks what callers of the library pass against its types, for plain JavaScript and for misspelt names.
import { UsageError } from "./errors";

/** Refuses what is no object, and an unknown option of `call`. @param known all options that it has */
export function checkOptions(call: string, options: unknown, known: Readonly<Record<string, true>>): void {
  if (typeof options !== "object" || options === null)
    throw new UsageError(`${call}() takes an object of options, not ${String(options)}`, "E_OPTION");
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined)
    throw new UsageError(
      `${call}() has no option ${JSON.stringify(unknown)}; it has ${Object.keys(known).join(", ")}`,
      "E_OPTION",
    );
}

/** Refuses a value that isn't one of a few words. */
export function checkWord(what: string, value: unknown, words: readonly string[]): void {
  if (words.some((word) => word === value)) return;
  const given = typeof value === "string" ? JSON.stringify(value) : String(value);
  throw new UsageError(`${what} takes ${words.join(", ")}, not ${given}`, "E_OPTION");
}
