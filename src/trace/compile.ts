// SPDX-License-Identifier: MIT
// Turns a rule's text into the steps that write a record by it: once for each rule, and never by evaluating text.
import { UsageError } from "../errors";
import { safeText } from "../text";
import type { Rule } from "./definitions";
import { parsePercent, type Conversion, type Field } from "../python/percent";
import { NUMBER_BYTES, literal, type Literal, type Padding } from "./sink";

/** What a step writes after its text. Only General goes by Python's every flag; the others are the quick ones. */
export const enum Kind {
  Nothing,
  Decimal,
  Hexadecimal,
  Tsc,
  TscHexadecimal,
  Reltsc,
  General,
}

/** A number that is always eight digits wide, within a text. */
export interface Patch {
  /** Where in the text. */
  offset: number;
  /** See TraceRecord.at(). */
  place: number;
  next: Patch | undefined;
}

/** Text with numbers of fixed width in it, and one conversion after it. Linked, which is quicker to walk than an array. */
export interface Step {
  text: Literal;
  patch: Patch | undefined;
  kind: Kind;
  /** Which number a Decimal or Hexadecimal step writes; see TraceRecord.at(). */
  place: number;
  padding: Padding;
  /** What a General step converts, and what a quick one falls back to. */
  conversion: Conversion | undefined;
  next: Step | undefined;
}

/** The steps of a rule. */
export interface Steps {
  kind: "steps";
  first: Step;
  /** Bytes to reserve for a line. */
  room: number;
  /** Whether no conversion can fail on a record's numbers, as %c does above 255. */
  quick: boolean;
  /** What messages call the rule. */
  source: string;
}

/** A rule that fails for every record. */
export interface Failing {
  kind: "failing";
  /** The %c before the failure: Python may fail on one of these first. */
  before: Conversion[];
  /** What the original prints, and the fields below it, on a TypeError; undefined if it ends. */
  text: string | undefined;
  /** What is wrong where it ends. */
  message: string;
  /** What messages call the rule. */
  source: string;
}

/** A rule ready to run. */
export type Program = Steps | Failing;

/** Most bytes of a line, so that memory has a bound and signals are heard between two of them. */
const MAX_LINE = 1 << 24;

const HEADER_FIELDS: readonly Field[] = ["event", "pid", "vcpu"];

/** The place of a field in TraceRecord.at(); tsc and reltsc have none. */
export function placeOf(field: Field): number {
  const place = HEADER_FIELDS.indexOf(field);
  return place >= 0 ? place : Number(field) + HEADER_FIELDS.length - 1;
}

function isTime(field: Field | "all"): boolean {
  return field === "tsc" || field === "reltsc";
}

/** Whether a conversion only asks for digits, padded on the left. */
function isSimple(c: Conversion): boolean {
  return "dxX".includes(c.type) && !c.left && !c.plus && !c.blank && !c.alternate && c.precision < 0;
}

/** Whether a conversion's result always has eight digits: %08x of 32 bits. */
function isFixed(c: Conversion): boolean {
  return isSimple(c) && c.type === "x" && c.zero && c.width === 8 && c.field !== "all" && !isTime(c.field);
}

function kindOf(c: Conversion, inSeconds: boolean): Kind {
  if (!isSimple(c) || c.field === "all") return Kind.General;
  const decimal = c.type === "d";
  if (c.field === "reltsc") return decimal ? Kind.Reltsc : Kind.General;
  if (c.field !== "tsc") return decimal ? Kind.Decimal : Kind.Hexadecimal;
  if (decimal) return Kind.Tsc;
  return inSeconds ? Kind.General : Kind.TscHexadecimal;
}

/** Gathers text and patches until a conversion of no fixed width ends the step. */
class StepMaker {
  room = 0;
  #first: Step | undefined;
  #last: Step | undefined;
  #text = "";
  #patch: Patch | undefined;
  readonly #inSeconds: boolean;

  constructor(inSeconds: boolean) {
    this.#inSeconds = inSeconds;
  }

  addText(text: string): void {
    this.#text += text;
  }

  addConversion(c: Conversion): void {
    if (c.field === "all" || !isFixed(c)) {
      this.finish(c);
      return;
    }
    this.#patch = { offset: this.#text.length, place: placeOf(c.field), next: this.#patch };
    this.#text += "0".repeat(c.width);
  }

  /** Ends the step, and gives back the first one. */
  finish(c: Conversion | undefined): Step {
    const step: Step = {
      text: literal(this.#text),
      patch: this.#patch,
      kind: c ? kindOf(c, this.#inSeconds) : Kind.Nothing,
      place: c && c.field !== "all" && !isTime(c.field) ? placeOf(c.field) : 0,
      padding: { width: c?.width ?? 0, zeros: c?.zero ?? false, capitals: c?.type === "X" },
      conversion: c,
      next: undefined,
    };
    this.room += this.#text.length + Math.max(step.padding.width, c?.precision ?? 0, NUMBER_BYTES);
    if (this.#last) this.#last.next = step;
    this.#last = step;
    this.#text = "";
    this.#patch = undefined;
    return (this.#first ??= step);
  }
}

/**
 * Makes a rule ready to run.
 * @param inSeconds whether tsc is a floating-point number, as with -c
 * @param source what messages call the rule: its file and line
 */
export function compileRule(rule: Rule, inSeconds: boolean, source: string): Program {
  const { segments, failure } = parsePercent(rule.text);
  const maker = new StepMaker(inSeconds);
  const characters: Conversion[] = [];
  const failing = (text: string | undefined, reason = ""): Failing => {
    const message = `${source}: ${safeText(reason)}; mend the rule "${safeText(rule.text)}"`;
    return { kind: "failing", before: characters, text, message, source };
  };
  for (const segment of segments) {
    if (typeof segment === "string") maker.addText(segment);
    // A float is no character.
    else if (segment.type === "c" && segment.field === "tsc" && inSeconds) return failing(rule.text);
    else {
      maker.addConversion(segment);
      if (segment.type === "c") characters.push(segment);
    }
  }
  if (failure) return failure.kind === "mismatch" ? failing(rule.text) : failing(undefined, failure.reason);
  maker.addText("\n");
  const first = maker.finish(undefined);
  if (maker.room > MAX_LINE)
    throw new UsageError(
      `${source}: the rule makes lines of more than ${MAX_LINE} bytes; give it smaller widths`,
    );
  return { kind: "steps", first, room: maker.room, quick: characters.length === 0, source };
}
