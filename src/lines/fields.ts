// SPDX-License-Identifier: MIT
// Values of a line of JSON, each looked at before it is taken.
import { UsageError } from "../errors";
import { SCHEMA } from "../measure/lines";

export type Fields = Readonly<Record<string, unknown>>;

/** Longest text of a line: names of VMs, lists of reasons. */
const MAX_TEXT = 4096;

/** No time of a line is longer: 292 years in ns. */
const MOST_NS = 2 ** 63;

/** What isn't as it should be in a line. */
class Fault extends UsageError {
  readonly what: string;

  constructor(what: string) {
    super(`no line of ${SCHEMA}: ${what}; name a file that --json wrote`, "E_FORMAT");
    this.what = what;
  }
}

/** @throws UsageError: it is no such line, for what isn't as it should be */
export function fail(what: string): never {
  throw new Fault(what);
}

/** Does the work; what it throws says what of a line it was about. */
export function within(about: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) fail(`${about}: ${error.what}`);
    throw error;
  }
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
  return Number.isSafeInteger(value) && Number(value) >= least
    ? Number(value)
    : fail(`${what} is no whole number from ${least} to 2^53`);
}

/** A time in ns; sums of many vCPUs' are longer than what is exact to the ns. */
export function nsOf(value: unknown, what: string): number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MOST_NS
    ? Number(value)
    : fail(`${what} is no whole number of ns`);
}

/** @throws UsageError where a number isn't what others make together, which `of` names with their verb */
export function agree(value: number, others: number, what: string, of: string): void {
  // Sums of long times are rounded.
  if (Math.abs(value - others) > others * 2 ** -50) fail(`${what} is ${value}, and ${of} ${others}`);
}

/** @throws UsageError where a part is more than what it is a part of */
export function atMost(part: number, all: number, what: string, of: string): void {
  if (part > all) fail(`${what} is ${part}, more than ${of}, which is ${all}`);
}

export function dateOf(value: unknown, what: string): Date {
  const date = new Date(textOf(value, what));
  return Number.isNaN(date.getTime()) ? fail(`${what} is no time`) : date;
}
