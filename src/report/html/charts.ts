// SPDX-License-Identifier: MIT
// Charts of a run over time, as SVG: stacked areas of reasons, and a heat map of handling times.
import { bucketStart } from "../../measure/histogram";
import { readable } from "../../render/units";
import { escaped } from "../junit";
import type { Moment } from "../timeline";
import { COLOURS, SHADES } from "./style";

/** All charts' width, and the margins in which axes are labelled. */
const WIDTH = 920;
const LEFT = 64;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 22;
const AREA_HEIGHT = 240;
const HEAT_HEIGHT = 270;
const INNER = WIDTH - LEFT - RIGHT;

/** Where columns are, for the script: left margin, width of all, width of the picture. */
export const FRAME = [LEFT, INNER, WIDTH] as const;

/** What is drawn over time, one value for each column. */
export interface Series {
  readonly name: string;
  readonly values: readonly number[];
  /** Of COLOURS; its place among the series unless given. */
  readonly colour?: number;
}

const colourOf = ({ colour }: Series, at: number) => COLOURS[colour ?? at] ?? "";

const x = (column: number, columns: number) => LEFT + (INNER * column) / columns;
const figure = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const short = (value: number) => String(Math.round(value * 10) / 10);

/** A step of 1, 2 or 5 times a power of ten that makes some five of a value. */
function stepOf(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most / 5));
  return ([1, 2, 5, 10].find((factor) => factor * power * 5 >= most) ?? 10) * power;
}

function timeAxis(times: readonly string[], height: number): string {
  const most = 6;
  const labels = Math.min(most, times.length);
  const columns = Array.from({ length: labels }, (_, label) => Math.floor((label * times.length) / labels));
  return columns
    .filter((column, label) => times[column] !== times[columns[label - 1] ?? -1])
    .map(
      (column) =>
        `<text x="${short(x(column, times.length))}" y="${height - 6}">${escaped(times[column] ?? "")}</text>`,
    )
    .join("");
}

function picture(id: string, height: number, label: string, inner: string): string {
  return `<div class="scroll"><svg class="chart" id="${id}" viewBox="0 0 ${WIDTH} ${height}" role="img" tabindex="0" aria-label="${escaped(label)}">${inner}</svg></div>`;
}

/** A key of colours. */
export function keyOf(series: readonly Series[]): string {
  const entry = (each: Series, at: number) =>
    `<li><svg viewBox="0 0 1 1" aria-hidden="true"><rect width="1" height="1" fill="${colourOf(each, at)}"/></svg>${escaped(each.name)}</li>`;
  return `<ul class="key">${series.map(entry).join("")}</ul>`;
}

/** Series one on the other. @param text a value in words @param highest the axis ends there or above; the highest sum unless given */
export function stacked(
  id: string,
  label: string,
  series: readonly Series[],
  times: readonly string[],
  text: (value: number) => string,
  highest?: number,
): string {
  const columns = times.length;
  const sums = times.map((_, column) => series.reduce((sum, { values }) => sum + (values[column] ?? 0), 0));
  const most = Math.max(...sums, 0);
  if (most === 0) return "<p>There were none.</p>";
  const step = stepOf(highest ?? most);
  const top = Math.ceil((highest ?? most) / step) * step;
  const y = (value: number) => short(TOP + (AREA_HEIGHT - TOP - BOTTOM) * (1 - value / top));
  const lines: string[] = [];
  for (let value = 0; value <= top + step / 2; value += step)
    lines.push(
      `<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}"/><text x="${LEFT - 6}" y="${Number(y(value)) + 4}" text-anchor="end">${escaped(text(value))}</text>`,
    );
  let below = times.map(() => 0);
  const areas = series.map((each, at) => {
    const { name, values } = each;
    const above = below.map((value, column) => value + (values[column] ?? 0));
    // A column is as wide as its time: steps, not slopes.
    const edge = (heights: readonly number[]) =>
      heights.map(
        (value, column) => `${short(x(column, columns))} ${y(value)}H${short(x(column + 1, columns))}`,
      );
    const back = (heights: readonly number[]) =>
      heights
        .map((value, column) => `${short(x(column + 1, columns))} ${y(value)}H${short(x(column, columns))}`)
        .reverse();
    const path = `M${edge(above).join("L")}L${back(below).join("L")}Z`;
    below = above;
    return `<path d="${path}" fill="${colourOf(each, at)}"><title>${escaped(name)}</title></path>`;
  });
  const when = times[sums.indexOf(most)] ?? "";
  const words = `${label}; the highest sum is ${text(most)}, at ${when}`;
  return picture(id, AREA_HEIGHT, words, lines.join("") + areas.join("") + timeAxis(times, AREA_HEIGHT));
}

/** Buckets of the kernel in a row of the heat map: half of a power of two. */
const PER_ROW = 2;

/** The rows of heat maps of one page, and how many exits the darkest cell has. */
export interface HeatScale {
  /** The row of the shortest time; each is PER_ROW buckets. */
  readonly first: number;
  readonly rows: number;
  /** Exits in a second: columns differ in how long they are. */
  readonly most: number;
}

/** How many exits fell into each row, from 0 ns on. */
function rowCounts({ buckets }: Moment): number[] {
  const rows: number[] = [];
  buckets.forEach((count, bucket) => {
    const at = Math.floor(bucket / PER_ROW);
    rows[at] = (rows[at] ?? 0) + count;
  });
  return Array.from(rows, (count: number | undefined) => count ?? 0);
}

const perSecond = (count: number, { durationNs }: Moment) =>
  durationNs > 0 ? (count * 1e9) / durationNs : count;

/** One scale for all columns, of however many runs. */
export function heatScaleOf(moments: readonly Moment[]): HeatScale {
  let [first, end, most] = [Infinity, 0, 0];
  for (const moment of moments)
    rowCounts(moment).forEach((count, row) => {
      if (count === 0) return;
      first = Math.min(first, row);
      end = Math.max(end, row + 1);
      most = Math.max(most, perSecond(count, moment));
    });
  return { first: end === 0 ? 0 : first, rows: end === 0 ? 0 : end - first, most };
}

/** A key of shades. */
function heatKey({ most }: HeatScale): string {
  const cells = Array.from(
    { length: SHADES },
    (_, shade) => `<rect class="h${shade}" x="${shade}" width="1" height="1"/>`,
  ).join("");
  return `<ul class="key"><li>few<svg class="shades" viewBox="0 0 ${SHADES} 1" aria-hidden="true">${cells}</svg>${figure(most)} exits a second, by the square root</li></ul>`;
}

/** The most frequent handling times of each column, for the script. */
export function heatWords(moments: readonly Moment[]): string[][] {
  const shown = 3;
  return moments.map((moment) =>
    rowCounts(moment)
      .map((count, at) => ({ count, low: bucketStart(at * PER_ROW) }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count)
      .slice(0, shown)
      .map(({ count, low }) => `${count} from ${readable(low)}`),
  );
}

/**
 * Handling times over time: each column a time, each row a half of a power of two; darker: more, by the square root.
 * @param title names it for who doesn't see it
 */
export function heatMap(
  id: string,
  title: string,
  moments: readonly Moment[],
  times: readonly string[],
  scale: HeatScale,
): string {
  const { first, rows: height, most } = scale;
  const rows = moments.map((moment) =>
    rowCounts(moment)
      .slice(first)
      .map((count) => perSecond(count, moment)),
  );
  const own = heatScaleOf(moments);
  if (own.most === 0) return "<p>There are no histograms: they are saved by time --wide and hist.</p>";
  const cell = (HEAT_HEIGHT - TOP - BOTTOM) / height;
  const shadeOf = (column: number, row: number) => {
    const count = rows[column]?.[row] ?? 0;
    return count === 0 ? -1 : Math.min(SHADES - 1, Math.floor(Math.sqrt(count / most) * SHADES));
  };
  const paths = Array.from({ length: SHADES }, () => "");
  for (let row = 0; row < height; row++) {
    const y = short(TOP + (height - 1 - row) * cell);
    for (let column = 0; column < rows.length;) {
      const shade = shadeOf(column, row);
      let end = column + 1;
      while (end < rows.length && shadeOf(end, row) === shade) end++;
      if (shade >= 0)
        paths[shade] =
          `${paths[shade] ?? ""}M${short(x(column, rows.length))} ${y}H${short(x(end, rows.length))}v${short(cell)}H${short(x(column, rows.length))}z`;
      column = end;
    }
  }
  const every = Math.max(1, Math.ceil(height / 10));
  const labels = Array.from({ length: Math.ceil(height / every) }, (_, label) => {
    const row = label * every;
    return `<text x="${LEFT - 6}" y="${short(TOP + (height - row) * cell)}" text-anchor="end">${readable(bucketStart((first + row) * PER_ROW))}</text>`;
  });
  const shades = paths.map((path, shade) => (path === "" ? "" : `<path class="h${shade}" d="${path}"/>`));
  const [shortest, longest] = [own.first, own.first + own.rows].map((row) =>
    readable(bucketStart(row * PER_ROW)),
  );
  const words = `${title}; darker is more; from ${shortest ?? ""} to ${longest ?? ""}; the most in one cell are ${figure(own.most)} a second`;
  return (
    heatKey(scale) +
    picture(id, HEAT_HEIGHT, words, shades.join("") + labels.join("") + timeAxis(times, HEAT_HEIGHT))
  );
}
