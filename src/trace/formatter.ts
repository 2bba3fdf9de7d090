// Formats records by the rules of a definitions file: what kvmtrace_format did.
import { UsageError, messageOf } from "../errors";
import { Kind, compileRule, placeOf, type Program, type Step, type Steps } from "./compile";
import { DEFAULT_EVENT, type Rule } from "./definitions";
import { Moment } from "./moment";
import type { Conversion, Field } from "./percent";
import { convert, fitText, pythonText, type PythonValue } from "./python_value";
import { exitName } from "./exit_name";
import type { TraceRecord } from "./reader";
import { ByteSink } from "./sink";

/** The order in which a 64-bit CPython 2.7 prints the original's dictionary: by the hashes of its keys. */
const DICTIONARY_ORDER: readonly Field[] = ["1", "3", "reltsc", "5", "4", "vcpu", "2", "pid", "tsc", "event"];

/** Formats one record after another; records of an event without a rule are passed over unless there is a default. */
export class Formatter {
  private readonly sink = new ByteSink();
  private readonly moment: Moment;
  private readonly programs = new Map<number, Program>();
  private readonly fallback: Program | undefined;
  private readonly inSeconds: boolean;

  /**
   * @param rules the rules by event id
   * @param name what messages call the definitions file
   * @param mhz the clock's rate, with which tsc becomes seconds; 0 leaves it in ticks
   */
  constructor(rules: ReadonlyMap<number, Rule>, name: string, mhz: number) {
    this.moment = new Moment(mhz);
    this.inSeconds = mhz !== 0;
    for (const [event, rule] of rules)
      this.programs.set(event, compileRule(rule, this.inSeconds, `${name}:${rule.line}`));
    this.fallback = this.programs.get(DEFAULT_EVENT);
  }

  /** Whether an event has a rule of its own. */
  knows(event: number): boolean {
    return this.programs.has(event);
  }

  /** @throws UsageError where the record's rule is one with which the original ends; nothing of it is written */
  format(record: TraceRecord): void {
    this.moment.advance(record);
    const program = this.programs.get(record.event) ?? this.fallback;
    if (!program) return;
    if (program.kind === "invalid") throw new UsageError(program.message);
    if (program.kind === "mismatch") {
      this.sink.text(`${program.text}\n${this.dictionary(record)}\n`);
      return;
    }
    this.sink.reserve(program.room);
    if (program.quick) this.run(program.steps, record);
    else this.runChecked(program, record);
  }

  private runChecked({ steps, source }: Steps, record: TraceRecord): void {
    const { size } = this.sink;
    try {
      this.run(steps, record);
    } catch (error) {
      this.sink.size = size;
      if (!(error instanceof RangeError)) throw error;
      throw new UsageError(`${source}: ${messageOf(error)}; mend the rule`);
    }
  }

  /** Bytes of output that wait to be taken. */
  get waiting(): number {
    return this.sink.size;
  }

  /** The output so far: the caller's until the next record is formatted. */
  take(): Uint8Array {
    return this.sink.take();
  }

  private run(steps: readonly Step[], record: TraceRecord): void {
    const { sink } = this;
    let at = sink.size;
    for (const step of steps) {
      const text = at;
      at = sink.literal(text, step.text);
      for (const { offset, place, capitals } of step.patches)
        sink.eight(text + offset, record.at(place) | 0, capitals);
      at = this.convert(step, record, at);
    }
    sink.size = at;
  }

  /** Writes a step's conversion and returns the place behind it. */
  private convert(step: Step, record: TraceRecord, at: number): number {
    const { sink, moment } = this;
    switch (step.kind) {
      case Kind.Nothing:
        return at;
      case Kind.Hexadecimal:
        return sink.hexadecimal(at, record.at(step.place) | 0, step.padding);
      case Kind.Decimal:
        return sink.decimal(at, record.at(step.place), step.padding);
      case Kind.TscHexadecimal:
        return sink.wideHexadecimal(at, record.timeHigh | 0, record.timeLow | 0, step.padding);
      case Kind.Tsc:
        // Even the longest time stamp is, in seconds at 1 MHz, far below 2^53.
        if (this.inSeconds) return sink.decimal(at, Math.trunc(moment.tsc), step.padding);
        if (moment.exact) return sink.decimal(at, moment.tsc, step.padding);
        break;
      case Kind.Reltsc:
        if (moment.exact) return sink.decimal(at, moment.reltsc, step.padding);
        break;
      case Kind.General:
    }
    sink.size = at;
    this.general(step.conversion, record);
    return sink.size;
  }

  private general(c: Conversion | undefined, record: TraceRecord): void {
    if (!c) return;
    if (c.field === "reason" && c.type !== "%") this.sink.text(fitText(exitName(record), c));
    else if (c.field !== "all") this.sink.text(convert(this.argument(c.field, record), c));
    else this.sink.text(c.type === "%" ? "%".padStart(c.width) : fitText(this.dictionary(record), c));
  }

  private argument(field: Field, record: TraceRecord): PythonValue {
    if (field === "tsc") return this.moment.tscValue();
    if (field === "reltsc") return this.moment.reltscValue();
    return { value: BigInt(record.at(placeOf(field))), long: false };
  }

  /** The record's fields as the original's Python prints a dictionary of them. */
  private dictionary(record: TraceRecord): string {
    const entry = (key: Field): string => `'${key}': ${pythonText(this.argument(key, record), true)}`;
    return `{${DICTIONARY_ORDER.map(entry).join(", ")}}`;
  }
}
