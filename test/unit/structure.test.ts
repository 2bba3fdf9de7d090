// The rooms of the project: imports point one way, and only their owners touch the process, widths and the addon.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import test from "node:test";
import { PROJECT } from "../tools";

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sources(folder: string): Source[] {
  return readdirSync(join(PROJECT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(join(PROJECT, path), "utf8");
      const imports = [...text.matchAll(/(?:from|import\()\s*"([^"]+)"/g)].map(([, target = ""]) =>
        target.startsWith(".") ? relative(PROJECT, join(PROJECT, dirname(path), target)) : target,
      );
      return { path, text, imports };
    });
}

const SRC = sources("src");
const TOOLS = sources("tools");

function offenders(all: readonly Source[], offends: (source: Source) => boolean): string[] {
  return all.filter(offends).map((source) => source.path);
}

test("src knows nothing of tools", () => {
  assert.deepEqual(
    offenders(SRC, (source) => source.imports.some((target) => target.startsWith("tools"))),
    [],
  );
});

test("only tools/lib ends the process, writes to its output and handles signals", () => {
  const owner = (source: Source) => source.path.startsWith("tools/lib/");
  assert.deepEqual(
    offenders(
      [...SRC, ...TOOLS],
      (source) => !owner(source) && /process\.(exit|on|stdin|stdout|stderr)\b|console\./.test(source.text),
    ),
    [],
  );
});

test("only src/native/load.ts loads the addon, and only the table wrapper imports cli-table3", () => {
  const all = [...SRC, ...TOOLS];
  assert.deepEqual(
    offenders(all, (source) => source.text.includes("process.dlopen")),
    ["src/native/load.ts"],
  );
  assert.deepEqual(
    offenders(all, (source) => source.imports.includes("cli-table3")),
    ["src/render/table.ts"],
  );
});

test("nothing but src/reasons knows a reason's name", () => {
  const named = /"(CPUID|EPT_VIOLATION|NPF|IOIO|MSR_WRITE|VMCALL)"/;
  assert.deepEqual(
    offenders(
      [...SRC, ...TOOLS],
      (source) => !source.path.startsWith("src/reasons/") && named.test(source.text),
    ),
    [],
  );
});
