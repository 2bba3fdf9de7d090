// SPDX-License-Identifier: MIT
// The exits of a line.
import { detailText } from "../details";
import { readDetail } from "../details/read";
import type { Identity } from "../measure/grouping";
import { bucketOf } from "../measure/histogram";
import {
  type Counters,
  type Groups,
  OTHER_DETAILS,
  type Sample,
  type Samples,
  UNKNOWN_DETAIL,
  addToBucket,
  detailAt,
  sampleAt,
  sampleKey,
} from "../measure/samples";
import { isaNumber, rawReason } from "../reasons";
import { type Fields, fail, fieldsOf, listOf, textOf, wholeOf } from "./fields";
import { identityOf } from "./identity";

/** Adds rows of [low, high, count] to buckets. */
export function addBuckets(buckets: number[], rows: unknown, what: string): void {
  for (const row of listOf(rows, what)) {
    const [low, , count] = listOf(row, "a bucket");
    addToBucket(buckets, bucketOf(wholeOf(low, "low")), wholeOf(count, "count"));
  }
}

/** What a field says of a level; 0 if it isn't there. */
function valueOf(exit: Fields, name: string, level: "l1" | "l2"): number {
  return exit[name] === undefined ? 0 : wholeOf(fieldsOf(exit[name], name)[level], name);
}

/** Adds what an exit's fields say of a level. */
function addLevel(counters: Counters, exit: Fields, level: "l1" | "l2"): void {
  counters.count += valueOf(exit, "count", level);
  counters.timed += valueOf(exit, "timed", level);
  counters.totalNs += valueOf(exit, "timeNs", level);
  counters.maxNs = Math.max(counters.maxNs, valueOf(exit, "maxNs", level));
  if (exit["histogram"] === undefined) return;
  addBuckets(counters.buckets, fieldsOf(exit["histogram"], "histogram")[level], "histogram");
}

/** Adds what the exits of a reason were about. The words are made again, from the values. */
function addDetails(sample: Sample, rows: readonly unknown[]): void {
  for (const each of rows) {
    const row = fieldsOf(each, "a detail");
    const told = row["detail"] === null ? undefined : fieldsOf(row["detail"], "detail");
    const detail = told && (readDetail(told) ?? fail("detail is of no known kind"));
    const text = detail ? detailText(detail) : textOf(row["text"], "text");
    if (!detail && text !== UNKNOWN_DETAIL && text !== OTHER_DETAILS) fail("a detail has no values");
    const part = detailAt(sample, text, detail);
    addLevel(part.l1, row, "l1");
    addLevel(part.l2, row, "l2");
  }
}

/** Exits by vCPU, and who these are. */
export class Exits {
  readonly vcpus = new Map<string, Identity>();
  readonly exits: Groups = new Map<string, Samples>();

  /** Takes a row of `exits`. @throws UsageError if it is none */
  add(row: unknown): void {
    const exit = fieldsOf(row, "an exit");
    const [key, identity] = identityOf(exit);
    this.vcpus.set(key, identity);
    const isa = textOf(exit["isa"], "isa");
    const number = isaNumber(isa) ?? fail("isa is none");
    const reason = wholeOf(exit["reason"], "reason", -(2 ** 31));
    const sample = sampleAt(this.exits, key, sampleKey(number, rawReason(reason)), isa, reason);
    addLevel(sample.l1, exit, "l1");
    addLevel(sample.l2, exit, "l2");
    if (exit["details"] !== undefined) addDetails(sample, listOf(exit["details"], "details"));
    if (exit["l2"] !== undefined)
      sample.reflected += wholeOf(fieldsOf(exit["l2"], "l2")["reflected"], "l2.reflected");
  }
}
