// Which reasons are wanted: those that are asked for, but those that are left out.
import { UsageError } from "../errors";
import { type Isa, parseReasons, rawReason } from ".";

/** Lists of reasons, numbers and names separated by commas. */
export interface ReasonLists {
  /** Only these; all if undefined. */
  readonly reasons?: string | undefined;
  /** None of these. */
  readonly excludes?: string | undefined;
}

/** The reasons that a user wants to see. */
export class ReasonFilter {
  /** Without those left out; undefined: all. */
  readonly only: ReadonlySet<number> | undefined;
  readonly excludes: ReadonlySet<number>;

  /** @throws UsageError naming what isn't a reason of this instruction set, or that nothing is left */
  constructor(
    readonly isa: Isa,
    { reasons, excludes }: ReasonLists,
  ) {
    const asked = reasons === undefined ? undefined : parseReasons(isa, reasons);
    const out = excludes === undefined ? new Set<number>() : parseReasons(isa, excludes);
    this.only = asked && new Set([...asked].filter((reason) => !out.has(reason)));
    this.excludes = out;
    if (this.only?.size === 0)
      throw new UsageError("excludes leaves out every reason that is asked for; leave one of the two out");
  }

  wants(reason: number): boolean {
    return this.only?.has(reason) ?? !this.excludes.has(reason);
  }

  /** The same for the kernel. */
  get session(): { onlyReasons?: number[]; butReasons?: number[] } {
    if (this.only) return { onlyReasons: [...this.only].map(rawReason) };
    return this.excludes.size === 0 ? {} : { butReasons: [...this.excludes].map(rawReason) };
  }
}
