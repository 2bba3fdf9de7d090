// SPDX-License-Identifier: MIT
// Which reasons are wanted: those that are asked for, but those that are left out.
import { UsageError } from "../errors";
import { type Codes, parseReasons, rawReason } from ".";

/** Lists of reasons, numbers and names separated by commas. */
export interface ReasonLists {
  /** Only these; all if undefined. */
  readonly reasons?: string | undefined;
  /** None of these. */
  readonly excludes?: string | undefined;
}

const DETAIL = /^([^:]+):(\d{1,15}|0x[0-9a-f]{1,13})$/i;

/** The reasons of a list, without the numbers of details behind colons; and these, of reasons that only have such. */
function splitDetails(isa: Codes, list: string | undefined) {
  const details = new Map<number, Set<number>>();
  if (!list?.includes(":")) return { reasons: list, details };
  const words = list.split(",").map((word) => word.trim());
  const whole = new Set<number>();
  const reasons = words.map((word) => {
    const [, reason, number] = DETAIL.exec(word) ?? [];
    if (reason === undefined || number === undefined) {
      if (word.includes(":"))
        throw new UsageError(`"${word}" names no detail; write a reason and a number, such as MSR:0x6e0`);
      if (word !== "") for (const each of parseReasons(isa, word)) whole.add(each);
      return word;
    }
    for (const each of parseReasons(isa, reason))
      details.set(each, (details.get(each) ?? new Set()).add(Number(number)));
    return reason;
  });
  for (const each of whole) details.delete(each);
  return { reasons: reasons.join(","), details };
}

/** The reasons that a user wants to see. */
export class ReasonFilter {
  /** Without those left out; undefined: all. */
  readonly only: ReadonlySet<number> | undefined;
  readonly excludes: ReadonlySet<number>;
  /** Of reasons that were asked for by details alone, `MSR:0x6e0`: the numbers of these. */
  readonly details: ReadonlyMap<number, ReadonlySet<number>>;

  /**
   * @param byDetail whether reasons may be asked for by details
   * @throws UsageError naming what isn't a reason of this instruction set, or that nothing is left
   */
  constructor(
    readonly isa: Codes,
    { reasons, excludes }: ReasonLists,
    byDetail = false,
  ) {
    const named = splitDetails(isa, reasons);
    this.details = named.details;
    if (this.details.size > 0 && !byDetail)
      throw new UsageError(
        `"${reasons ?? ""}" names details; give --details, too, or --wide of kvm-vmexit-slower`,
      );
    const detail = excludes?.split(",").find((word) => DETAIL.test(word.trim()));
    if (detail !== undefined)
      throw new UsageError(
        `"${detail.trim()}" names a detail, and excludes leave out whole reasons; write ${detail.trim().replace(/:.*/, "")}`,
      );
    const asked = named.reasons === undefined ? undefined : parseReasons(isa, named.reasons);
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
