// SPDX-License-Identifier: MIT
// What kvm_stat can be asked for, and the checks that it makes before it starts.
import { UsageError } from "../errors";
import { safeText } from "../text";
import { quoted } from "../python/arguments";
import { floatText, parseFloating, parseInteger } from "../python/numbers";
import { pythonMatch } from "../python/regex";
import { InvalidRegex } from "../python/regex-scanner";
import type { FieldFilter } from "./provider";

export const DELAY_DEFAULT = 3;
const MIN_DELAY = 0.1;
const MAX_DELAY = 25.5;
export const DELAY_RANGE = `${String(MIN_DELAY)}-${String(MAX_DELAY)} secs`;

export interface StatOptions {
  once: boolean;
  csv: boolean;
  debugfs: boolean;
  /** A Python regular expression; "" for all fields. */
  fields: string;
  debugfsIncludePast: boolean;
  log: boolean;
  /** The file to log to; "" for none. */
  logToFile: string;
  /** 0 for all processes. */
  pid: number;
  /** Seconds between refreshes. */
  setDelay: number;
  tracepoints: boolean;
  skipZeroRecords: boolean;
  overhead: boolean;
  /** Times in logs have their offset from UTC. */
  utcOffset: boolean;
  /** CSV has the length of each interval. */
  durationNs: boolean;
}

/** What kvm_stat ends with on a request that it can't serve: its own words, and status 1. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

export function readInteger(text: string, what: string): number {
  return parseInteger(text) ?? invalidValue("int", text, what);
}

export function readFloating(text: string, what: string): number {
  return parseFloating(text) ?? invalidValue("float", text, what);
}

function invalidValue(type: string, text: string, what: string): never {
  throw new UsageError(`argument ${what}: invalid ${type} value: ${quoted(text)}`);
}

/** What is wrong with a delay, undefined if nothing is. */
export function delayFault(delay: number): string | undefined {
  if (delay > MAX_DELAY) return `"${floatText(delay)}": Delay must be <=${String(MAX_DELAY)}`;
  // Not a number is no delay either.
  return delay >= MIN_DELAY ? undefined : `"${floatText(delay)}": Delay must be >=${String(MIN_DELAY)}`;
}

/**
 * The fields that a Python regular expression selects.
 * @throws InvalidRegex, UsageError as pythonMatch does
 */
export function fieldFilter(pattern: string): FieldFilter {
  if (pattern === "") return () => true;
  const expression = pythonMatch(pattern);
  return (field) => expression.test(field);
}

/**
 * Makes kvm_stat's checks, in its order.
 * @throws Refusal in kvm_stat's words
 * @throws UsageError for a regular expression that Python knows and JavaScript doesn't
 */
export function checkOptions(options: StatOptions, isRunning: (pid: number) => boolean): void {
  const logs = options.log || options.logToFile !== "";
  if (options.csv && !logs) throw new Refusal("Error: Option -c/--csv requires -l/--log");
  if (options.durationNs && !(options.csv && logs))
    throw new UsageError("--duration-ns is a column of CSV: give -c and -l or -L, too");
  if (options.skipZeroRecords && !logs)
    throw new Refusal("Error: Option -z/--skip-zero-records requires -l/-L");
  try {
    fieldFilter(options.fields);
  } catch (error) {
    if (!(error instanceof InvalidRegex)) throw error;
    throw new Refusal(`Error: "${safeText(options.fields)}" is not a valid regular expression`);
  }
  if (options.pid !== 0 && !isRunning(options.pid))
    throw new Refusal("Did you use a (unsupported) tid instead of a pid?\nSpecified pid does not exist.");
  const fault = delayFault(options.setDelay);
  if (fault !== undefined) throw new Refusal(`Error: ${fault}`);
}
