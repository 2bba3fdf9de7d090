// SPDX-License-Identifier: MIT
// Converts one number as Python 2.7's `%` operator does: the slow way, for every conversion, flag and size.
import { floatDigits, floatRepr, floatStr } from "./float";
import type { Conversion } from "./percent";

/**
 * An argument of Python's: a bigint is an int, a number a float.
 * `long` says that an int is Python 2's long, which writes an L after itself in a repr and 0 for `%.0d` of 0.
 */
export interface PythonValue {
  value: bigint | number;
  long: boolean;
}

/** Pads text to a conversion's width; zeros go between the sign or base and the digits. */
function pad(sign: string, digits: string, c: Conversion, zeros: boolean): string {
  const text = sign + digits;
  if (c.left) return text.padEnd(c.width);
  return zeros ? sign + digits.padStart(c.width - sign.length, "0") : text.padStart(c.width);
}

function signOf(negative: boolean, c: Conversion): string {
  if (negative) return "-";
  return c.plus ? "+" : c.blank ? " " : "";
}

function integerText(value: bigint, long: boolean, c: Conversion): string {
  const hexadecimal = c.type === "x" || c.type === "X";
  let digits = (value < 0n ? -value : value).toString(hexadecimal ? 16 : c.type === "o" ? 8 : 10);
  if (c.precision === 0 && value === 0n && !long) digits = "";
  digits = digits.padStart(c.precision, "0");
  if (c.type === "X") digits = digits.toUpperCase();
  if (c.type === "o" && c.alternate && !digits.startsWith("0")) digits = "0" + digits;
  const base = hexadecimal && c.alternate ? `0${c.type}` : "";
  return pad(signOf(value < 0n, c) + base, digits, c, c.zero);
}

function isNegative(value: number): boolean {
  return value < 0 || Object.is(value, -0);
}

function floatText(value: number, c: Conversion): string {
  const type = c.type.toLowerCase() as "e" | "f" | "g";
  const precision = c.precision < 0 ? 6 : c.precision;
  const digits = floatDigits(Math.abs(value), type, precision, c.alternate);
  const text = c.type === "E" || c.type === "G" ? digits.toUpperCase() : digits;
  return pad(signOf(isNegative(value), c), text, c, c.zero);
}

/** str() or repr() of a value. */
export function pythonText({ value, long }: PythonValue, repr: boolean): string {
  if (typeof value === "bigint") return value.toString() + (long && repr ? "L" : "");
  const text = repr ? floatRepr(Math.abs(value)) : floatStr(Math.abs(value));
  return isNegative(value) ? `-${text}` : text;
}

/** Text as %s and %r fit it: cut to the precision, padded to the width. */
export function fitText(text: string, c: Conversion): string {
  return pad("", c.precision < 0 ? text : text.slice(0, c.precision), c, false);
}

/**
 * One value converted.
 * @throws RangeError where Python raises an OverflowError: %c of more than a byte
 */
export function convert(argument: PythonValue, c: Conversion): string {
  const { value } = argument;
  switch (c.type) {
    case "%":
      return pad("", "%", c, false);
    case "s":
    case "r":
      return fitText(pythonText(argument, c.type === "r"), c);
    case "c":
      if (value < 0 || value > 255) throw new RangeError(`%c takes 0 to 255, not ${value}`);
      return fitText(String.fromCharCode(Number(value)), { ...c, precision: -1 });
    case "d":
    case "x":
    case "X":
    case "o":
      if (typeof value === "bigint") return integerText(value, argument.long, c);
      return integerText(BigInt(Math.trunc(value)), false, c);
    default:
      return floatText(Number(value), c);
  }
}
