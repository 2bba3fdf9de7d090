// SPDX-License-Identifier: MIT
// Writes floating-point numbers as Python 2.7 does: exact, and halves rounded to even.

interface Fraction {
  numerator: bigint;
  denominator: bigint;
}

/** A finite, non-negative number as the exact fraction it is. */
function fraction(value: number): Fraction {
  let denominator = 1n;
  // A double below 2**53 has at most 1074 binary places; doubling is exact.
  while (!Number.isInteger(value)) {
    value *= 2;
    denominator *= 2n;
  }
  return { numerator: BigInt(value), denominator };
}

/** value × 10^places as the nearest integer, halves to even. */
function scaled({ numerator, denominator }: Fraction, places: number): bigint {
  if (places >= 0) numerator *= 10n ** BigInt(places);
  else denominator *= 10n ** BigInt(-places);
  const quotient = numerator / denominator;
  const twice = 2n * (numerator % denominator);
  const up = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  return up ? quotient + 1n : quotient;
}

/** `%.{precision}f` of a finite, non-negative number. */
export function fixed(value: number, precision: number): string {
  // toFixed() is exact except for halves, which it rounds up; only a multiple of 2**-(precision + 1) can be a half.
  if (precision <= 15 && value < 1e21 && !Number.isInteger(value * 2 ** (precision + 1)))
    return value.toFixed(precision);
  const digits = scaled(fraction(value), precision)
    .toString()
    .padStart(precision + 1, "0");
  return precision === 0 ? digits : `${digits.slice(0, -precision)}.${digits.slice(-precision)}`;
}

/** The digits of a finite, non-negative number rounded to `precision` + 1 of them, and the first one's power of ten. */
function rounded(value: number, precision: number): { digits: string; exponent: number } {
  if (value === 0) return { digits: "0".repeat(precision + 1), exponent: 0 };
  const exact = fraction(value);
  let exponent = Math.floor(Math.log10(value));
  for (;;) {
    const digits = scaled(exact, precision - exponent).toString();
    if (digits.length === precision + 1) return { digits, exponent };
    exponent += digits.length > precision + 1 ? 1 : -1;
  }
}

function scientific(digits: string, exponent: number): string {
  const fractional = digits.length > 1 ? `.${digits.slice(1)}` : "";
  const power = Math.abs(exponent).toString().padStart(2, "0");
  return `${digits.charAt(0)}${fractional}e${exponent < 0 ? "-" : "+"}${power}`;
}

/** Digits with the decimal point after the one for 10^0. */
function placed(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  if (exponent + 1 >= digits.length) return digits + "0".repeat(exponent + 1 - digits.length);
  return `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

function withoutTrailingZeros(digits: string): string {
  return digits.replace(/(?<=.)0+$/, "");
}

/**
 * Whether Python leaves the zeros at the end of an integer rounded to so many digits: what David Gay's dtoa() finds
 * halfway between two, and rounds down, it doesn't go over again (Python/dtoa.c, "small" integers).
 */
function keepsZeros(value: number, places: number): boolean {
  if (!Number.isInteger(value) || value >= 1e15) return false;
  const unit = 10 ** (value.toString().length - places);
  return unit > 1 && 2 * (value % unit) === unit && Math.floor(value / unit) % 2 === 0;
}

/**
 * A finite, non-negative number in one of the conversions e, f and g.
 * @param alternate Python's flag #: keep the decimal point, and with g the zeros at the end
 */
export function floatDigits(
  value: number,
  type: "e" | "f" | "g",
  precision: number,
  alternate: boolean,
): string {
  let text: string;
  if (type === "f") text = fixed(value, precision);
  else if (type === "e") {
    const { digits, exponent } = rounded(value, precision);
    text = scientific(digits, exponent);
  } else {
    const places = Math.max(precision, 1);
    const { digits, exponent } = rounded(value, places - 1);
    const shown = alternate || keepsZeros(value, places) ? digits : withoutTrailingZeros(digits);
    text = exponent < -4 || exponent >= places ? scientific(shown, exponent) : placed(shown, exponent);
  }
  // Only the point can be missing: without #, an integer has none.
  return alternate && !text.includes(".") ? text.replace(/^\d+/, "$&.") : text;
}

function plain(digits: string, exponent: number, limit: number): string {
  if (exponent < -4 || exponent >= limit) return scientific(digits, exponent);
  const text = placed(digits, exponent);
  return text.includes(".") ? text : `${text}.0`;
}

/** str() of a finite, non-negative float: 12 digits at most, 12 before the point being one too many. */
export function floatStr(value: number): string {
  const { digits, exponent } = rounded(value, 11);
  return plain(keepsZeros(value, 12) ? digits : withoutTrailingZeros(digits), exponent, 11);
}

/** repr() of a finite, non-negative float: the fewest digits that read back as it. */
export function floatRepr(value: number): string {
  const [mantissa = "0", exponent = "0"] = value.toExponential().split("e");
  return plain(mantissa.replace(".", ""), Number(exponent), 16);
}
