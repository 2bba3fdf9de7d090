// SPDX-License-Identifier: MIT
// Outcomes of conditions as JUnit XML, which CI systems show.
import { safeText } from "../text";
import type { Outcome } from "./condition";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for XML or HTML, as content or in quotes; what is invisible or reorders is written out. */
export function escaped(text: string): string {
  return safeText(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}

/** A suite with a case for each condition. */
export function junit(suite: string, outcomes: readonly Outcome[]): string {
  const failures = outcomes.filter(({ failed }) => failed).length;
  const cases = outcomes.map(({ text, failed, found }) => {
    const name = `  <testcase classname="${escaped(suite)}" name="${escaped(text)}"`;
    return failed ? `${name}>\n    <failure message="${escaped(found)}"/>\n  </testcase>` : `${name}/>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="${escaped(suite)}" tests="${outcomes.length}" failures="${failures}">`,
    ...cases,
    "</testsuite>",
    "",
  ].join("\n");
}
