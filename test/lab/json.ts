// SPDX-License-Identifier: MIT
// JSON output of the tools: every line is checked against the schema in docs/.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv";
import { readLine } from "../../src/lines/read";
import { PROJECT, type Result } from "../tools";

export interface Levels {
  readonly total: number;
  readonly l1: number;
  readonly l2: number;
}

export interface Exits {
  readonly vm?: string;
  readonly pid?: number;
  readonly vcpu?: number;
  readonly isa: string;
  readonly reason: number;
  readonly name: string;
  readonly count: Levels;
  readonly timed: Levels;
  readonly timeNs: Levels;
  readonly maxNs: Levels;
  readonly details?: { readonly text: string; readonly count: Levels; readonly timed: Levels }[];
  readonly l2?: { readonly reflected: number; readonly handled: number };
  readonly histogram: Record<keyof Levels, [number, number, number][]>;
}

export interface Slow {
  readonly vm: string;
  readonly name: string;
  readonly ns: number;
  readonly pid: number;
  readonly vcpu: number;
  readonly details: string;
}

export interface Line {
  readonly schema: string;
  readonly tool: string;
  readonly start: string;
  readonly end: string;
  readonly final?: boolean;
  readonly exits: Exits[];
  readonly slow?: Slow;
  readonly durationNs: number;
  readonly lost: Record<string, number>;
}

const schema = JSON.parse(readFileSync(join(PROJECT, "docs", "kvm-vmexit.schema.json"), "utf8")) as object;
const ajv = new Ajv({ allowUnionTypes: true });
ajv.addFormat("date-time", (text: string) => !Number.isNaN(Date.parse(text)));
const valid = ajv.compile(schema);

/** The lines of a run that went well. */
export function jsonLines(result: Result): Line[] {
  assert.equal(result.status, 0, result.stderr);
  return result.stdout
    .trimEnd()
    .split("\n")
    .map((text) => {
      const line = JSON.parse(text) as Line;
      assert.ok(valid(line), `${ajv.errorsText(valid.errors)} in ${text}`);
      assert.equal(
        readLine(text) === undefined,
        line.slow !== undefined,
        "what the tools write can be read back",
      );
      return line;
    });
}

/** What all lines have of one reason, added up. */
export function sumOfReason(lines: readonly Line[], name: string, of: (exits: Exits) => number): number {
  return lines
    .flatMap((line) => line.exits)
    .filter((exits) => exits.name === name)
    .reduce((sum, exits) => sum + of(exits), 0);
}
