// SPDX-License-Identifier: MIT
// Values of a line of JSON, each looked at before it is taken.
import { UsageError } from "../errors";
import { SCHEMA } from "../measure/lines";

export type Fields = Readonly<Record<string, unknown>>;

/** Longest text of a line: names of VMs, lists of reasons. */
const MAX_TEXT = 4096;

/** No number of a line is larger: 292 years in ns. */
const MOST = 2 ** 63;

/** @throws UsageError: it is no such line, for what isn't as it should be */
export function fail(what: string): never {
  throw new UsageError(`no line of ${SCHEMA}: ${what}; name a file that --json wrote`, "E_FORMAT");
}

/** @throws UsageError, as all of these, naming what it is, if the value is no such thing */
export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(`${what} is no object`);
  return value as Fields;
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value) ? value : fail(`${what} is no list`);
}

export function textOf(value: unknown, what: string): string {
  if (typeof value !== "string") fail(`${what} is no text`);
  return value.length <= MAX_TEXT ? value : fail(`${what} has more than ${MAX_TEXT} characters`);
}

export function flagOf(value: unknown, what: string): boolean {
  return typeof value === "boolean" ? value : fail(`${what} is neither true nor false`);
}

/** @param least the value may not be less */
export function wholeOf(value: unknown, what: string, least = 0): number {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= MOST
    ? Number(value)
    : fail(`${what} is no whole number`);
}

export function dateOf(value: unknown, what: string): Date {
  const date = new Date(textOf(value, what));
  return Number.isNaN(date.getTime()) ? fail(`${what} is no time`) : date;
}
