// SPDX-License-Identifier: MIT
// Metric families as OTLP's JSON: opentelemetry-proto's metrics.proto, by protobuf's mapping to JSON.
import type { Distribution, Family, Label, Labels } from "./family";

/** AGGREGATION_TEMPORALITY_CUMULATIVE of metrics.proto. */
const CUMULATIVE = 2;

const attributesOf = (pairs: readonly Label[]) =>
  JSON.stringify(pairs.map(([key, value]) => ({ key, value: { stringValue: value } })));

// A push writes the same labels as the one before, in several families.
const written = new WeakMap<Labels, string>();

function attributes(labels: Labels): string {
  let text = written.get(labels);
  if (text === undefined) written.set(labels, (text = attributesOf(labels.pairs)));
  return text;
}

/** Nanoseconds since 1970, more than a number holds, as 64 bits are written. */
const nanoseconds = (ms: number) =>
  `"${Math.floor(ms)}${String(Math.floor((ms % 1) * 1e6)).padStart(6, "0")}"`;

/** When it is, in ms since 1970, and how far before it says that counters began: see SteadyClock. */
export interface Told {
  readonly now: number;
  readonly behindMs: number;
}

interface Written extends Told {
  /** `now` in nanoseconds. */
  readonly end: string;
}

/** The beginning of a point. */
function pointText(labels: Labels, { now, behindMs, end }: Written, since: boolean): string {
  const start = since ? `"startTimeUnixNano":${nanoseconds(Math.min(labels.since - behindMs, now))},` : "";
  return `{"attributes":${attributes(labels)},${start}"timeUnixNano":${end}`;
}

/** Counts are whole and written as 64 bits are. */
const numberText = (isCount: boolean, value: number) =>
  isCount ? `"asInt":"${value}"` : `"asDouble":${value}`;

function distributionText(
  { labels, buckets, count, sum }: Distribution,
  bounds: string,
  moment: Written,
): string {
  const counts = Array.from(buckets, (bucket) => `"${bucket}"`).join(",");
  return (
    `${pointText(labels, moment, true)},"count":"${count}","sum":${sum},` +
    `"bucketCounts":[${counts}],"explicitBounds":${bounds}}`
  );
}

/** Undefined of a family without points. */
function metricText(family: Family, moment: Written): string | undefined {
  const { name, unit, help, kind } = family;
  const fullName = kind === "info" ? `${name}_info` : name;
  const head = `{"name":${JSON.stringify(fullName)},"unit":${JSON.stringify(unit)},"description":${JSON.stringify(help)},`;
  if (kind === "histogram") {
    const bounds = JSON.stringify(family.bounds);
    const points = Array.from(family.points, (point) => distributionText(point, bounds, moment)).join(",");
    if (points === "") return undefined;
    return `${head}"histogram":{"aggregationTemporality":${CUMULATIVE},"dataPoints":[${points}]}}`;
  }
  const isSum = kind === "counter";
  const isCount = unit.startsWith("{");
  const points = Array.from(
    family.points,
    ({ labels, value }) => `${pointText(labels, moment, isSum)},${numberText(isCount, value)}}`,
  ).join(",");
  if (points === "") return undefined;
  return isSum
    ? `${head}"sum":{"aggregationTemporality":${CUMULATIVE},"isMonotonic":true,"dataPoints":[${points}]}}`
    : `${head}"gauge":{"dataPoints":[${points}]}}`;
}

/**
 * The body of a request to /v1/metrics.
 * @param resource what is measured: service.name, host.name and so on
 */
export function otlpJson(
  families: Iterable<Family>,
  told: Told,
  resource: readonly Label[],
  version: string,
): string {
  const moment = { ...told, end: nanoseconds(told.now) };
  const metrics: string[] = [];
  for (const family of families) {
    const text = metricText(family, moment);
    if (text !== undefined) metrics.push(text);
  }
  const scope = JSON.stringify({ name: "kvm-vmexit", version });
  return (
    `{"resourceMetrics":[{"resource":{"attributes":${attributesOf(resource)}},` +
    `"scopeMetrics":[{"scope":${scope},"metrics":[${metrics.join(",")}]}]}]}`
  );
}
