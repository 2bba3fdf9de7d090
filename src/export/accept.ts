// SPDX-License-Identifier: MIT
// What a scraper accepts, as HTTP has it: RFC 9110, sections 12.4.2 and 12.5.
import type { TextFormat } from "./text";

interface Range {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** From 0, never, to 1. */
  readonly weight: number;
}

// A header is some KiB at most; so many parts no scraper sends.
const MAX_RANGES = 64;

function rangesOf(header: string): Range[] {
  return header
    .split(",", MAX_RANGES)
    .map((part) => part.split(";").map((word) => word.trim().toLowerCase()))
    .map(([type = "", ...words]) => {
      const parameters = new Map(words.map((word) => [word.split("=")[0] ?? "", word.split("=")[1] ?? ""]));
      const weight = Number(parameters.get("q") ?? 1);
      return { type, parameters, weight: weight >= 0 && weight <= 1 ? weight : 0 };
    });
}

/** The weight of the first range that a test is true of; -1 if there is none. */
function weightOf(ranges: readonly Range[], ...tests: readonly ((range: Range) => boolean)[]): number {
  for (const test of tests) {
    const found = ranges.find(test);
    if (found) return found.weight;
  }
  return -1;
}

/** The format to answer with: OpenMetrics if the scraper asks for its version 1 no less than for the other. */
export function formatFor(accept: string | undefined): TextFormat {
  const ranges = rangesOf(accept ?? "");
  const open = weightOf(
    ranges,
    ({ type, parameters }) =>
      type === "application/openmetrics-text" && (parameters.get("version") ?? "1.0.0").startsWith("1."),
  );
  const text = weightOf(
    ranges,
    ({ type, parameters }) => type === "text/plain" && (parameters.get("version") ?? "0.0.4") === "0.0.4",
    ({ type }) => type === "text/*",
    ({ type }) => type === "*/*",
  );
  return open > 0 && open >= text ? "openmetrics" : "prometheus";
}

/** Whether gzip is accepted. */
export function takesGzip(acceptEncoding: string | undefined): boolean {
  const ranges = rangesOf(acceptEncoding ?? "");
  return (
    weightOf(
      ranges,
      ({ type }) => type === "gzip" || type === "x-gzip",
      ({ type }) => type === "*",
    ) > 0
  );
}
