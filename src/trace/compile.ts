// Turns a rule's text into the steps that write a record by it: once for each rule, and never by evaluating text.
import { safeText } from "../render/text";
import type { Rule } from "./definitions";
import { parsePercent, type Conversion, type Field } from "./percent";
import { NUMBER_BYTES, literal, type Literal, type Padding } from "./sink";

/** What a step writes behind its text. Only General goes by Python's every flag; the others are the quick ones. */
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
  capitals: boolean;
}

/** Text with numbers of fixed width in it, and one conversion behind it. */
export interface Step {
  text: Literal;
  patches: Patch[];
  kind: Kind;
  /** Which number a Decimal or Hexadecimal step writes; see TraceRecord.at(). */
  place: number;
  padding: Padding;
  /** What a General step converts, and what a quick one falls back to. */
  conversion: Conversion | undefined;
}

/** The steps of a rule. */
export interface Steps {
  kind: "steps";
  steps: Step[];
  /** Bytes to reserve for a line. */
  room: number;
  /** Whether no conversion can fail on a record's numbers, as %c does above 255. */
  quick: boolean;
  /** What messages call the rule. */
  source: string;
}

/** A rule ready to run. */
export type Program =
  | Steps
  /** Prints the text as it stands and the fields below it: what the original does on a TypeError. */
  | { kind: "mismatch"; text: string }
  /** Ends with the message: what the original does on any other error. */
  | { kind: "invalid"; message: string };

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
  return isSimple(c) && c.type !== "d" && c.zero && c.width === 8 && c.field !== "all" && !isTime(c.field);
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
  readonly steps: Step[] = [];
  private text = "";
  private patches: Patch[] = [];

  constructor(private readonly inSeconds: boolean) {}

  addText(text: string): void {
    this.text += text;
  }

  addConversion(c: Conversion): void {
    if (c.field === "all" || !isFixed(c)) {
      this.finish(c);
      return;
    }
    this.patches.push({ offset: this.text.length, place: placeOf(c.field), capitals: c.type === "X" });
    this.text += "0".repeat(c.width);
  }

  finish(c: Conversion | undefined): void {
    this.steps.push({
      text: literal(this.text),
      patches: this.patches,
      kind: c ? kindOf(c, this.inSeconds) : Kind.Nothing,
      place: c && c.field !== "all" && !isTime(c.field) ? placeOf(c.field) : 0,
      padding: { width: c?.width ?? 0, zeros: c?.zero ?? false, capitals: c?.type === "X" },
      conversion: c,
    });
    this.text = "";
    this.patches = [];
  }
}

/**
 * Makes a rule ready to run.
 * @param inSeconds whether tsc is a floating-point number, as with -c
 * @param source what messages call the rule: its file and line
 */
export function compileRule(rule: Rule, inSeconds: boolean, source: string): Program {
  const template = parsePercent(rule.text);
  if (template.kind === "mismatch") return { kind: "mismatch", text: rule.text };
  if (template.kind === "invalid") {
    const message = `${source}: ${safeText(template.reason)}; mend the rule "${safeText(rule.text)}"`;
    return { kind: "invalid", message };
  }
  const maker = new StepMaker(inSeconds);
  for (const segment of template.segments) {
    if (typeof segment === "string") maker.addText(segment);
    else if (segment.type === "c" && segment.field === "tsc" && inSeconds)
      return { kind: "mismatch", text: rule.text };
    else maker.addConversion(segment);
  }
  maker.addText("\n");
  maker.finish(undefined);
  let room = 0;
  for (const { text, padding } of maker.steps) room += text.length + Math.max(padding.width, NUMBER_BYTES);
  const quick = maker.steps.every(({ conversion }) => conversion?.type !== "c");
  return { kind: "steps", steps: maker.steps, room, quick, source };
}
