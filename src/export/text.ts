// SPDX-License-Identifier: MIT
// Metric families as text: Prometheus's format 0.0.4 and OpenMetrics 1.0.
import type { Distribution, Family } from "./family";

/** The formats that scrapers ask for. */
export type TextFormat = "prometheus" | "openmetrics";

/** What HTTP calls each. */
export const CONTENT_TYPE: Readonly<Record<TextFormat, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

const FIRST_BYTES = 2 ** 16;
const NEWLINE = 0x0a;

const UNIT_WORDS: Readonly<Record<string, string>> = { s: "_seconds", By: "_bytes" };

/** The name of a family, with its unit and without what its samples add. */
export function familyName({ name, unit }: Pick<Family, "name" | "unit">): string {
  return name.replaceAll(".", "_") + (UNIT_WORDS[unit] ?? "");
}

/** A number as Go prints it, so that a bound has the label that other exporters give it: exponents have two digits. */
export function boundLabel(bound: number): string {
  const [digits = "", exponent = ""] = bound.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 21) return String(bound);
  return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

/** A series' name with its labels. */
function named(name: string, labels: string): string {
  return labels === "" ? name : `${name}{${labels}}`;
}

/** Takes lines as bytes: a string of all of them, and their array, would be garbage of several times their size. */
class Lines {
  #bytes: Buffer;
  #length = 0;

  /** @param bytes to write into, while they are enough */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  push(line: string): void {
    // UTF-8 takes three bytes for a unit of UTF-16 at most.
    const end = this.#length + 3 * line.length + 1;
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#length += this.#bytes.write(line, this.#length);
    this.#bytes[this.#length++] = NEWLINE;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  get length(): number {
    return this.#length;
  }
}

function histogramLines(lines: Lines, name: string, ends: readonly string[], point: Distribution): void {
  const { labels, buckets, count, sum } = point;
  const prefix = labels.text === "" ? "" : `${labels.text},`;
  let below = 0;
  for (let i = 0; i < ends.length; i++) {
    below += buckets[i] ?? 0;
    lines.push(`${name}_bucket{${prefix}le="${ends[i] ?? ""}"} ${below}`);
  }
  lines.push(`${name}_bucket{${prefix}le="+Inf"} ${count}`);
  lines.push(`${named(`${name}_sum`, labels.text)} ${sum}`);
  lines.push(`${named(`${name}_count`, labels.text)} ${count}`);
}

function heading(lines: Lines, family: Family, name: string, format: TextFormat): void {
  const { kind, unit, help } = family;
  const open = format === "openmetrics";
  // OpenMetrics names a family without what its samples end with; 0.0.4 knows no info.
  const suffix = open ? "" : kind === "counter" ? "_total" : kind === "info" ? "_info" : "";
  const type = kind === "info" && !open ? "gauge" : kind;
  lines.push(`# HELP ${name}${suffix} ${help}`);
  lines.push(`# TYPE ${name}${suffix} ${type}`);
  const word = UNIT_WORDS[unit];
  if (open && word !== undefined) lines.push(`# UNIT ${name} ${word.slice(1)}`);
}

/** Nothing of a family without points. */
function familyLines(lines: Lines, family: Family, format: TextFormat): void {
  const name = familyName(family);
  let isFirst = true;
  const begin = () => {
    if (isFirst) heading(lines, family, name, format);
    isFirst = false;
  };
  if (family.kind === "histogram") {
    const ends = family.bounds.map(boundLabel);
    for (const point of family.points) {
      begin();
      histogramLines(lines, name, ends, point);
    }
    return;
  }
  const sample = name + (family.kind === "counter" ? "_total" : family.kind === "info" ? "_info" : "");
  for (const { labels, value } of family.points) {
    begin();
    lines.push(`${named(sample, labels.text)} ${value}`);
  }
}

// Of the text before: the next one is mostly as long, and memory outside of the heap is given back late.
let used: Buffer = Buffer.allocUnsafe(FIRST_BYTES);

/** The whole text, in UTF-8; families without a series are left out. The next call writes over it. */
export function exposition(families: Iterable<Family>, format: TextFormat): Buffer {
  const lines = new Lines(used);
  for (const family of families) familyLines(lines, family, format);
  if (format === "openmetrics") lines.push("# EOF");
  used = lines.bytes;
  return used.subarray(0, lines.length);
}
