// SPDX-License-Identifier: MIT
// Advice as text for a terminal.
import { labelled, wrap } from "../render/wrap";
import type { Advice } from ".";
import type { Finding } from "./rule";

const WIDTH = 80;
const INDENT = 9;

function findingLines({ title, evidence, meaning, mend, verify, source }: Finding): string[] {
  return [
    `Advice: ${title}`,
    ...labelled("  found", INDENT, evidence, WIDTH),
    ...labelled("  means", INDENT, meaning, WIDTH),
    ...labelled("  try", INDENT, mend, WIDTH),
    ...labelled("  verify", INDENT, verify, WIDTH),
    ...labelled("  source", INDENT, source, WIDTH),
  ];
}

/** How many rules were asked, and what the others need; a sentence each. */
export function adviceSummary({ findings, asked, lacking }: Advice): string[] {
  const found = findings.length === 0 ? "nothing" : String(findings.length);
  return [
    `Advice: ${found} found by ${asked} rules that these readings can answer.`,
    ...(lacking.length > 0 ? [`Others need ${lacking.join("; ")}.`] : []),
  ];
}

/** A paragraph for each finding, and how many rules were asked. */
export function adviceLines(advice: Advice): string[] {
  return [
    ...advice.findings.flatMap((finding) => [...findingLines(finding), ""]),
    ...wrap(adviceSummary(advice).join(" "), WIDTH),
  ];
}
