// SPDX-License-Identifier: MIT
// What a page says of faults that the readings show.
import type { Advice, Finding } from "../../advice";
import { adviceSummary } from "../../advice/lines";
import { escaped } from "../junit";

function article({ title, evidence, meaning, mend, verify, source }: Finding): string {
  const rows = Object.entries({ Found: evidence, Means: meaning, Try: mend, Verify: verify, Source: source });
  const list = rows.map(([name, text]) => `<dt>${name}</dt><dd>${escaped(text)}</dd>`).join("");
  return `<article><h3>${escaped(title)}</h3><dl>${list}</dl></article>`;
}

/** A section with an article for each finding. */
export function adviceSection(advice: Advice, title: string): string {
  const summary = adviceSummary(advice)
    .join(" ")
    .replace(/^Advice: n/, "N")
    .replace(/^Advice: /, "");
  const articles = advice.findings.map(article).join("");
  return `<section class="advice"><h2>${escaped(title)}</h2>${articles}<p>${escaped(summary)}</p></section>`;
}
