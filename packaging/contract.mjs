// SPDX-License-Identifier: MIT
// Writes src/contract.ts, TypeScript's side of the facts that bpf/contract/*.h say once. usage: contract.mjs [--check]
// In JavaScript, because it runs before anything is compiled.
import { readFileSync, writeFileSync } from "node:fs";

const TO = "src/contract.ts";

const header = (name) => readFileSync(`bpf/contract/${name}.h`, "utf8");

/** `#define PREFIXname number` of a header, by name, in their order. */
function numbers(text, prefix) {
  const found = [...text.matchAll(new RegExp(`^#define ${prefix}(\\w+) (\\d+|0x[\\da-f]+)U?$`, "gm"))];
  if (found.length === 0) throw new Error(`no #define ${prefix}… with a number`);
  return found.map(([, name, number]) => [name, Number(number)]);
}

/** The arguments of each `ITEM(…)` in `#define LIST(ITEM) …`, each with the comment before it. */
function list(text, name) {
  const [, item, body] = new RegExp(`^#define ${name}\\((\\w+)\\) *((?:.*\\\\\\n)*.*)`, "m").exec(text) ?? [];
  if (body === undefined) throw new Error(`no list ${name}`);
  return [...body.matchAll(new RegExp(`(?:/\\* (.*?) \\*/[\\s\\\\]*)?\\b${item}\\(([^)]*)\\)`, "g"))].map(
    ([, comment, parts]) => ({ parts: parts.split(/,\s*/), comment }),
  );
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);
const camel = (name) => name.toLowerCase().replaceAll(/_(\w)/g, (_, letter) => letter.toUpperCase());
const constant = ([name, number]) => `export const ${name} = ${number};`;
const record = (name, entries) =>
  [
    `export const ${name} = {`,
    ...entries.map(([key, number]) => `  ${key.toLowerCase()}: ${number},`),
    "} as const;",
  ].join("\n");

const isa = numbers(header("isa"), "ISA_");
const vmexit = header("vmexit");
const losses = list(vmexit, "VMEXIT_LOSSES");
const activities = list(header("split"), "SPLIT_ACTIVITIES").filter(({ parts }) => parts[0] !== "UNKNOWN");

const lines = [
  "// SPDX-License-Identifier: MIT",
  "// Facts that the kernel part, the addon and TypeScript share. Written by packaging/contract.mjs from bpf/contract/*.h.",
  "",
  "/** Limits: bpf/contract/limits.h says of what. */",
  ...numbers(header("limits"), "(?=MAX_|DEFAULT_)").map(constant),
  "",
  "/** Numbers of the instruction sets. */",
  record("ISA", isa),
  "",
  "/** What defines a reason of kvm-stat: an instruction set, or user space's. */",
  record("STAT_KIND", [
    ...isa.filter(([name]) => name !== "KVM_RUN"),
    ...numbers(header("stat"), "STAT_KIND_"),
  ]),
  "",
  "/** Buckets of a histogram of handling times. */",
  ...numbers(vmexit, "VMEXIT_(?=BUCKETS )").map(constant),
  "",
  "/** Of details' 64 bits: where each part is, see bpf/contract/detail.h. */",
  "export const DETAIL = {",
  ...numbers(header("detail"), "VMEXIT_").map(([name, number]) => `  ${camel(name)}: ${number},`),
  "} as const;",
  "",
  "/** What a vCPU does, one at a time. */",
  "export const ACTIVITIES = [",
  ...activities.flatMap(({ parts, comment }) => [`  /** It ${comment}. */`, `  "${parts[1]}",`]),
  "] as const;",
  "export type Activity = (typeof ACTIVITIES)[number];",
  "",
  "/** What the programs lost, in exits. */",
  "export interface Losses {",
  ...losses.flatMap(({ parts, comment }) => [
    `  /** ${capital(comment)}. */`,
    `  readonly ${parts[1]}: number;`,
  ]),
  "}",
  "",
  "export const NO_LOSSES: Losses = {",
  ...losses.map(({ parts }) => `  ${parts[1]}: 0,`),
  "};",
  "",
];

const text = lines.join("\n");
const [option] = process.argv.slice(2);
if (option === undefined) writeFileSync(TO, text);
else if (option !== "--check") throw new Error(`unknown option ${option}`);
else if (readFileSync(TO, "utf8") !== text) {
  console.error(`${TO} differs from bpf/contract; run make src/contract.ts`);
  process.exitCode = 1;
}
