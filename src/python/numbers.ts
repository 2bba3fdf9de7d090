// SPDX-License-Identifier: MIT
// Numbers read and written as Python does, so that options, logs and the screen are kvm_stat's to the byte.

/** The integer that Python's int() reads, undefined where it raises ValueError. */
export function parseInteger(text: string): number | undefined {
  return /^\s*[+-]?\d+(_\d+)*\s*$/.test(text) ? Number(text.replaceAll("_", "")) : undefined;
}

/** The number that Python's float() reads, undefined where it raises ValueError. */
export function parseFloating(text: string): number | undefined {
  const word = /^\s*([+-]?)(inf|infinity|nan)\s*$/i.exec(text);
  if (word) return word[2]?.toLowerCase() === "nan" ? NaN : word[1] === "-" ? -Infinity : Infinity;
  const digits = "\\d+(?:_\\d+)*";
  const number = new RegExp(
    `^\\s*[+-]?(?:${digits}\\.?(?:${digits})?|\\.${digits})(?:e[+-]?${digits})?\\s*$`,
    "i",
  );
  return number.test(text) ? Number(text.replaceAll("_", "")) : undefined;
}

/** What Python's str() makes of a float: "99.0", "1e+20", "inf". */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= 16))
    return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  const text =
    power < 0 && value !== 0 ? value.toFixed(mantissa.replace(/\D/g, "").length - 1 - power) : String(value);
  return text.includes(".") ? text : `${text}.0`;
}

/** Rounds to an integer, halves to the even one, as Python's round() does. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** `%.1f`: exact halves, which end in .25 or .75, go to the even digit, where toFixed goes away from zero. */
export function oneDecimal(value: number): string {
  const isHalf = Number.isInteger(value * 4) && !Number.isInteger(value * 2);
  return isHalf ? (roundHalfEven(value * 10) / 10).toFixed(1) : value.toFixed(1);
}
