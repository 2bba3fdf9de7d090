// SPDX-License-Identifier: MIT
// Metric families: what an exporter tells, whatever form it is written in.

/** The name and the value of a label. */
export type Label = readonly [name: string, value: string];

const ESCAPED: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

/** Labels of a series, made once: each scrape writes them again. */
export class Labels {
  readonly pairs: readonly Label[];
  /** As Prometheus and OpenMetrics write them between the braces. */
  readonly text: string;
  /** A moment of the exporter's SteadyClock at which counters with these labels were 0, in ms. */
  readonly since: number;

  constructor(pairs: readonly Label[], since: number) {
    this.pairs = pairs;
    this.since = since;
    this.text = pairs
      .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (found) => ESCAPED[found] ?? found)}"`)
      .join(",");
  }
}

/** A number and its labels. */
export interface Point {
  readonly labels: Labels;
  readonly value: number;
}

/** A distribution and its labels. */
export interface Distribution {
  readonly labels: Labels;
  /** How many values each bucket has; one more than there are bounds. */
  readonly buckets: ArrayLike<number>;
  readonly count: number;
  readonly sum: number;
}

interface Described {
  /** As OpenTelemetry names it, `kvm.vmexit.exits`: without unit and kind. */
  readonly name: string;
  /** In UCUM, as OpenTelemetry has it: `s`, `By`, `{exit}`; "" of what has none. */
  readonly unit: string;
  readonly help: string;
}

/** A family of single numbers. Of an info the value is 1: its labels are what it tells. */
export interface Numbers extends Described {
  readonly kind: "counter" | "gauge" | "info";
  /** To be read once: an array of thousands would outlive its use, and make the heap grow. */
  readonly points: Iterable<Point>;
}

/** A family of distributions that share their bounds. */
export interface Histogram extends Described {
  readonly kind: "histogram";
  /** The upper ends of all buckets except the last one, ascending, in the family's unit. */
  readonly bounds: readonly number[];
  /** To be read once. */
  readonly points: Iterable<Distribution>;
}

export type Family = Numbers | Histogram;
