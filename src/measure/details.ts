// SPDX-License-Identifier: MIT
// What the exits of a reason were about, as rows: most first, neighbouring pages together.
import { type ExitDetail, detailNumber, detailText, exitDetail } from "../details";
import { type MemoryAccess } from "../details/memory";
import { byCodePoint } from "./order";
import {
  type DetailSample,
  OTHER_DETAILS,
  type Sample,
  type Samples,
  UNKNOWN_DETAIL,
  add,
  total,
  zero,
} from "./samples";

/** Exits of a reason that were about the same; all rows of a reason sum to it. */
export interface DetailRow {
  /** In words: `write IA32_TSC_DEADLINE (0x6e0)`, `unknown`, or `others` for those that the kernel had no place for. */
  readonly text: string;
  /** The same as values; undefined for the last two. */
  readonly detail: ExitDetail | undefined;
  readonly sample: Sample;
}

const isPage = (detail: ExitDetail | undefined): detail is MemoryAccess =>
  detail?.kind === "memory" && detail.bytes > 1;

function merged(first: DetailRow, last: DetailRow, detail: MemoryAccess): DetailRow {
  const sample = { ...first.sample, l1: zero(), l2: zero() };
  for (const { sample: part } of [first, last]) {
    add(sample.l1, part.l1);
    add(sample.l2, part.l2);
  }
  return { text: detailText(detail), detail, sample };
}

/** Pages that follow each other and were accessed in the same way are one row. */
function ranges(rows: readonly DetailRow[]): DetailRow[] {
  const pages = rows.flatMap((row) => (isPage(row.detail) ? [{ row, page: row.detail }] : []));
  pages.sort(
    (a, b) => byCodePoint(a.page.access ?? "", b.page.access ?? "") || a.page.address - b.page.address,
  );
  const result: { row: DetailRow; page: MemoryAccess }[] = [];
  for (const next of pages) {
    const last = result.at(-1);
    if (
      last &&
      last.page.access === next.page.access &&
      last.page.address + last.page.bytes === next.page.address
    ) {
      const page = { ...last.page, bytes: last.page.bytes + next.page.bytes };
      result.splice(-1, 1, { row: merged(last.row, next.row, page), page });
    } else result.push(next);
  }
  return [...rows.filter(({ detail }) => !isPage(detail)), ...result.map(({ row }) => row)];
}

/** Whether a detail is the one that a user names by a number: an MSR, a port, an address in a page. */
export function isNamed(detail: ExitDetail | undefined, numbers: ReadonlySet<number>): boolean {
  const number = detail && detailNumber(detail);
  if (number === undefined) return false;
  const bytes = detail?.kind === "memory" ? detail.bytes : 1;
  return [...numbers].some((each) => each >= number && each < number + bytes);
}

/** What a part of a reason's exits was about. */
function decoded({ isa, reason }: Sample, { detail }: DetailSample): ExitDetail | undefined {
  return typeof detail === "object" ? detail : exitDetail(isa, reason, detail);
}

/** The samples, of reasons in `wanted` only those exits whose details have these numbers. */
export function pickDetails(samples: Samples, wanted: ReadonlyMap<number, ReadonlySet<number>>): Samples {
  if (wanted.size === 0) return samples;
  const picked: Samples = new Map<number, Sample>();
  for (const [key, sample] of samples) {
    const numbers = wanted.get(sample.reason);
    if (!numbers) {
      picked.set(key, sample);
      continue;
    }
    const part: Sample = { ...sample, l1: zero(), l2: zero(), reflected: 0, details: new Map() };
    for (const [name, detail] of sample.details ?? []) {
      if (!isNamed(decoded(sample, detail), numbers)) continue;
      add(part.l1, detail.l1);
      add(part.l2, detail.l2);
      part.details?.set(name, detail);
    }
    if (total(part).count > 0) picked.set(key, part);
  }
  return picked;
}

/** A detail of a reason, by its key among them, as a row of its own. */
export function detailOf(
  sample: Sample,
  key: string,
  part: DetailSample,
): Pick<DetailRow, "text" | "detail"> {
  const detail = decoded(sample, part);
  return { text: part.detail === undefined ? key : detailText(detail), detail };
}

const LAST = [UNKNOWN_DETAIL, OTHER_DETAILS];

/** The rows of a reason; none where nothing is told apart. */
export function detailRows(sample: Sample): DetailRow[] {
  const { isa, reason } = sample;
  const rows = [...(sample.details ?? [])].map(([key, part]): DetailRow => {
    const { l1, l2 } = part;
    return { ...detailOf(sample, key, part), sample: { isa, reason, l1, l2, reflected: 0 } };
  });
  const place = ({ text }: DetailRow) => LAST.indexOf(text);
  return ranges(rows).sort(
    (a, b) =>
      place(a) - place(b) || total(b.sample).count - total(a.sample).count || byCodePoint(a.text, b.text),
  );
}
