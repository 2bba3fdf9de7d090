// SPDX-License-Identifier: MIT
// Formats records by the rules of a definitions file: what kvmtrace_format did.
import { UsageError, messageOf } from "../errors";
import { Kind, compileRule, placeOf, type Failing, type Program, type Step } from "./compile";
import { DEFAULT_EVENT, type Rule } from "./definitions";
import { Moment } from "./moment";
import type { Conversion, Field } from "../python/percent";
import { convert, fitText, pythonText, type PythonValue } from "../python/value";
import { exitName } from "./exit-name";
import type { TraceRecord } from "./reader";
import { ByteSink } from "./sink";

/** Above all signed integers of 32 bits. */
const INTEGERS = 2 ** 31;
/** The order in which a 64-bit CPython 2.7 prints the original's dictionary: by the hashes of its keys. */
const DICTIONARY_ORDER: readonly Field[] = ["1", "3", "reltsc", "5", "4", "vcpu", "2", "pid", "tsc", "event"];

/** Formats one record after another; records of an event without a rule are passed over unless there is a default. */
export class Formatter {
  readonly #sink = new ByteSink();
  readonly #moment: Moment;
  readonly #programs = new Map<number, Program>();
  readonly #fallback: Program | undefined;
  readonly #inSeconds: boolean;

  /**
   * @param rules the rules by event id
   * @param name what messages call the definitions file
   * @param mhz the clock's rate, with which tsc becomes seconds; 0 leaves it in ticks
   */
  constructor(rules: ReadonlyMap<number, Rule>, name: string, mhz: number) {
    this.#moment = new Moment(mhz);
    this.#inSeconds = mhz !== 0;
    for (const [event, rule] of rules)
      this.#programs.set(event, compileRule(rule, this.#inSeconds, `${name}:${rule.line}`));
    this.#fallback = this.#programs.get(DEFAULT_EVENT);
  }

  /** Whether an event has a rule of its own. */
  knows(event: number): boolean {
    return event !== DEFAULT_EVENT && this.#programs.has(event);
  }

  /** @throws UsageError where the record's rule is one with which the original ends; nothing of it is written */
  format(record: TraceRecord): void {
    this.#moment.advance(record);
    const program = this.#programs.get(record.event) ?? this.#fallback;
    if (!program) return;
    if (program.kind === "failing") this.#fail(program, record);
    else {
      this.#sink.reserve(program.room);
      if (program.quick) this.#run(program.first, record);
      else
        this.#checked(program.source, () => {
          this.#run(program.first, record);
        });
    }
  }

  /** Does what the original does where Python fails. */
  #fail({ before, text, message, source }: Failing, record: TraceRecord): void {
    const { size } = this.#sink;
    this.#checked(source, () => {
      for (const conversion of before) this.#general(conversion, record);
    });
    this.#sink.size = size;
    if (text === undefined) throw new UsageError(message);
    this.#sink.text(`${text}\n${this.#dictionary(record)}\n`);
  }

  /** Makes a message of a %c that is no byte, and takes back what was written of its line. */
  #checked(source: string, write: () => void): void {
    const { size } = this.#sink;
    try {
      write();
    } catch (error) {
      this.#sink.size = size;
      if (!(error instanceof RangeError)) throw error;
      throw new UsageError(`${source}: ${messageOf(error)}; mend the rule`);
    }
  }

  /** Bytes of output that wait to be taken. */
  get waiting(): number {
    return this.#sink.size;
  }

  /** The output so far: the caller's until the next record is formatted. */
  take(): Uint8Array {
    return this.#sink.take();
  }

  #run(first: Step, record: TraceRecord): void {
    const sink = this.#sink;
    let at = sink.size;
    for (let step: Step | undefined = first; step; step = step.next) {
      const text = at;
      at = sink.literal(text, step.text);
      for (let { patch } = step; patch; patch = patch.next)
        sink.eight(text + patch.offset, record.at(patch.place));
      at = this.#convert(step, record, at);
    }
    sink.size = at;
  }

  /** Writes a step's conversion and returns the place after it. */
  #convert(step: Step, record: TraceRecord, at: number): number {
    const sink = this.#sink;
    const moment = this.#moment;
    switch (step.kind) {
      case Kind.Nothing:
        return at;
      case Kind.Hexadecimal:
        return sink.hexadecimal(at, record.at(step.place), step.padding);
      case Kind.Decimal:
        return sink.wideDecimal(at, 0, record.at(step.place), step.padding);
      case Kind.TscHexadecimal:
        return sink.wideHexadecimal(at, moment.high, moment.low, step.padding);
      case Kind.Tsc:
        if (moment.exact && !this.#inSeconds)
          return sink.wideDecimal(at, moment.high, moment.low, step.padding);
        if (this.#inSeconds && Math.abs(moment.seconds) < INTEGERS)
          return sink.decimal(at, moment.seconds | 0, step.padding);
        break;
      case Kind.Reltsc:
        if (moment.near) return sink.decimal(at, moment.reltsc, step.padding);
        break;
      case Kind.General:
    }
    sink.size = at;
    this.#general(step.conversion, record);
    return sink.size;
  }

  #general(c: Conversion | undefined, record: TraceRecord): void {
    if (!c) return;
    const sink = this.#sink;
    if (c.type === "%") sink.text(fitText("%", { ...c, precision: -1 }));
    else if (c.field === "reason") sink.text(fitText(exitName(record), c));
    else if (c.field === "all") sink.text(fitText(this.#dictionary(record), c));
    else sink.text(convert(this.#argument(c.field, record), c));
  }

  #argument(field: Field, record: TraceRecord): PythonValue {
    if (field === "tsc") return this.#moment.tscValue();
    if (field === "reltsc") return this.#moment.reltscValue();
    return { value: BigInt(record.at(placeOf(field)) >>> 0), long: false };
  }

  /** The record's fields as the original's Python prints a dictionary of them. */
  #dictionary(record: TraceRecord): string {
    const entry = (key: Field): string => `'${key}': ${pythonText(this.#argument(key, record), true)}`;
    return `{${DICTIONARY_ORDER.map(entry).join(", ")}}`;
  }
}
