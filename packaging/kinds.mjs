// SPDX-License-Identifier: MIT
// Writes src/trace/kinds.ts: the lists of bpf/contract/kinds.h for TypeScript. usage: kinds.mjs [--check]
// In JavaScript, because it runs before anything is compiled.
import { readFileSync, writeFileSync } from "node:fs";

const TO = "src/trace/kinds.ts";
const header = readFileSync("bpf/contract/kinds.h", "utf8");

/** PAGE_FAULT as pageFault. */
function camel(name) {
  return name.toLowerCase().replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
}

/** The calls of macros in a text: `NAME(ARGUMENTS)`, one after another. */
function calls(text) {
  const found = [];
  for (let at = 0; at < text.length; at++) {
    const macro = /^\w+(?=\()/.exec(text.slice(at))?.[0];
    if (macro === undefined) continue;
    const parameters = [""];
    let depth = 0;
    for (at += macro.length; at < text.length; at++) {
      const character = text[at] ?? "";
      depth += character === "(" ? 1 : character === ")" ? -1 : 0;
      if (depth === 0) break;
      if (depth === 1 && character === ",") parameters.push("");
      else if (depth > 1 || character !== "(") parameters.push((parameters.pop() ?? "") + character);
    }
    found.push({ macro, parameters: parameters.map((parameter) => parameter.trim()) });
  }
  return found;
}

/** The entries of one of the header's lists. */
function list(name) {
  const text = header.replace(/\/\*[^]*?\*\//g, "").replace(/\\\n/g, " ");
  const body = new RegExp(`#define ${name}\\(\\w+\\)(.*)`).exec(text)?.[1];
  if (body === undefined) throw new Error(`bpf/contract/kinds.h has no ${name}`);
  return calls(body).map(({ parameters }) => parameters);
}

/** The data words of a record as src/trace/events.ts takes them: a name for each, 64 bits as a name twice. */
function names(words) {
  return calls(words).flatMap(({ macro, parameters: [name = ""] }) =>
    macro === "WORD" ? [camel(name)] : macro === "LONG" ? [camel(name), camel(name)] : [],
  );
}

const kinds = list("TRACE_KINDS").map(
  ([kind = "", option = "", tracepoint = "", written = "", words = ""]) => ({
    kind: camel(kind),
    option,
    tracepoint,
    records: calls(written).flatMap(({ parameters: [a = "", b = "", c, d = ""] }) => [
      [a, b, words],
      ...(c === undefined ? [] : [[c, d, words]]),
    ]),
  }),
);
const kernel = kinds.flatMap(({ records }) => records);
const records = [
  ...kernel.map((record) => [...record, "event"]),
  ...list("TRACE_MADE").map((record) => [...record, "made"]),
  ...list("TRACE_NOTES").map((record) => [...record, "note"]),
];
const version = /#define TRACE_VERSION (\d+)/.exec(header)?.[1];
const text = `// SPDX-License-Identifier: MIT
// Written by packaging/kinds.mjs from bpf/contract/kinds.h.

/** The version of recordings that this program writes, and the latest that it reads. */
export const VERSION = ${version};

/** A CPU that is unknown. */
export const ANY_CPU = 0xffffffff;

/** Ids of records. */
export const EVENT = {
${records.map(([name = "", id]) => `  ${camel(name)}: ${id},`).join("\n")}
} as const;

/**
 * The records: what makes them ("event": an event of the kernel, "made": an exit, "note": the recorder), and the names of
 * their data words, those of 64 bits twice, the low half first.
 */
export const RECORDS = [
${records
  .map(
    ([, id, words = "", from]) =>
      `  { id: ${id}, from: "${from}", words: [${names(words)
        .map((name) => `"${name}"`)
        .join(", ")}] },`,
  )
  .join("\n")}
] as const;

/** The kernel's events by their numbers in the rings: their tracepoints, and what --events calls them. */
export const KINDS = [
${kinds.map(({ option, tracepoint }) => `  { name: "${option}", tracepoint: "${tracepoint}" },`).join("\n")}
] as const;

/** Their numbers. */
export const KIND = {
${kinds.map(({ kind }, index) => `  ${kind}: ${index},`).join("\n")}
} as const;
`;
const [option] = process.argv.slice(2);
if (option === undefined) writeFileSync(TO, text);
else if (option !== "--check") throw new Error(`unknown option ${option}`);
else if (readFileSync(TO, "utf8") !== text) {
  console.error(`${TO} differs from bpf/contract/kinds.h; run make ${TO}`);
  process.exitCode = 1;
}
