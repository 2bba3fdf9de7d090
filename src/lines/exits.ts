// SPDX-License-Identifier: MIT
// The exits of a line.
import { detailText } from "../details";
import { readDetail } from "../details/read";
import type { Identity } from "../measure/grouping";
import { bucketOf, bucketStart } from "../measure/histogram";
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
import { safeText } from "../text";
import { type Fields, agree, atMost, fail, fieldsOf, listOf, nsOf, textOf, wholeOf, within } from "./fields";
import { identityOf } from "./identity";

/** Adds rows of [low, high, count] to buckets. Returns the sum of their counts. */
export function addBuckets(buckets: number[], rows: unknown, what: string): number {
  let sum = 0;
  for (const row of listOf(rows, what)) {
    const [low, high, count] = listOf(row, "a bucket");
    const bucket = bucketOf(wholeOf(low, "low"));
    if (bucketStart(bucket) !== low || bucketStart(bucket + 1) - 1 !== high)
      fail(`${what} has no bucket from ${safeText(String(low))} to ${safeText(String(high))} ns`);
    const some = wholeOf(count, "count");
    addToBucket(buckets, bucket, some);
    sum += some;
  }
  return sum;
}

/** What a field says of the levels; 0 if it isn't there. */
type Levels = Readonly<Record<"l1" | "l2", number>>;
const NEITHER: Levels = { l1: 0, l2: 0 };

/** The values of a field. @throws UsageError unless the total is what the levels make together */
function levelsOf(
  exit: Fields,
  name: string,
  numberOf: typeof wholeOf,
  together: (a: number, b: number) => number = (a, b) => a + b,
): Levels {
  if (exit[name] === undefined) return NEITHER;
  const fields = fieldsOf(exit[name], name);
  const [l1, l2] = [numberOf(fields["l1"], `${name}.l1`), numberOf(fields["l2"], `${name}.l2`)];
  const total = numberOf(fields["total"], `${name}.total`);
  agree(total, together(l1, l2), `${name}.total`, "l1 and l2 are");
  return { l1, l2 };
}

/** Adds what a row says of exits, or of those that were about the same. @throws UsageError where it contradicts itself */
function addCounters(to: Readonly<Record<"l1" | "l2", Counters>>, row: Fields): void {
  const count = levelsOf(row, "count", wholeOf);
  const timed = levelsOf(row, "timed", wholeOf);
  const timeNs = levelsOf(row, "timeNs", nsOf);
  const maxNs = levelsOf(row, "maxNs", nsOf, Math.max);
  const histogram = row["histogram"] === undefined ? undefined : fieldsOf(row["histogram"], "histogram");
  let filed = 0;
  for (const level of ["l1", "l2"] as const) {
    const counters = to[level];
    counters.count += count[level];
    counters.timed += timed[level];
    counters.totalNs += timeNs[level];
    counters.maxNs = Math.max(counters.maxNs, maxNs[level]);
    atMost(timed[level], count[level], `timed.${level}`, "count");
    if (timed[level] === 0 && timeNs[level] > 0) fail(`timeNs.${level} is ${timeNs[level]}, and timed is 0`);
    if (!histogram) continue;
    const some = addBuckets(counters.buckets, histogram[level], "histogram");
    atMost(some, timed[level], `the histogram of ${level}`, "timed");
    filed += some;
  }
  if (!histogram) return;
  const all = listOf(histogram["total"], "histogram.total");
  agree(
    all.reduce((sum: number, each) => sum + wholeOf(listOf(each, "a bucket")[2], "count"), 0),
    filed,
    "the histogram of total",
    "those of l1 and l2 are",
  );
}

/** Adds what the exits of a reason were about. The words are made again, from the values. */
function addDetails(sample: Sample, rows: readonly unknown[]): void {
  for (const each of rows) {
    const row = fieldsOf(each, "a detail");
    const told = row["detail"] === null ? undefined : fieldsOf(row["detail"], "detail");
    const detail = told && (readDetail(told) ?? fail("detail is of no known kind"));
    const text = detail ? detailText(detail) : textOf(row["text"], "text");
    if (!detail && text !== UNKNOWN_DETAIL && text !== OTHER_DETAILS) fail("a detail has no values");
    addCounters(detailAt(sample, text, detail), row);
  }
  for (const level of ["l1", "l2"] as const) {
    let count = 0;
    for (const part of sample.details?.values() ?? []) count += part[level].count;
    atMost(count, sample[level].count, `details.count.${level}`, "count");
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
    const inSamples = sampleKey(number, rawReason(reason));
    const about = `exits of ${isa} ${reason}`;
    if (this.exits.get(key)?.has(inSamples) === true) fail(`${about} are there twice`);
    const sample = sampleAt(this.exits, key, inSamples, isa, reason);
    within(about, () => {
      addCounters(sample, exit);
      if (exit["details"] !== undefined) addDetails(sample, listOf(exit["details"], "details"));
      if (exit["l2"] === undefined) return;
      const l2 = fieldsOf(exit["l2"], "l2");
      sample.reflected += wholeOf(l2["reflected"], "l2.reflected");
      atMost(sample.reflected, sample.l2.count, "l2.reflected", "count.l2");
    });
  }

  /** How many vCPUs are told apart. */
  get told(): number {
    let told = 0;
    for (const { vcpu, tid } of this.vcpus.values()) if (vcpu !== undefined || tid !== undefined) told++;
    return told;
  }
}
