// SPDX-License-Identifier: MIT
// Points in time that a user names: of a day, of a calendar, or so long after the beginning.
import { UsageError } from "../errors";
import { momentOfLocal } from "../local-time";

/** The moment that is meant in what begins at `start`; both in ms since 1970. */
export type When = (start: number) => number;

const AFTER = /^(\d{1,9}(?:\.\d{1,6})?)(s|m|h|d)$/;
const MS: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 };
const OF_DAY = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/;
const DATED = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?$/;
const DAY = 86400e3;

/** The next moment from `start` on at which a local clock shows that time of day. */
function nextAt(start: number, ofDay: number): number {
  const midnight = Math.floor(start / DAY) * DAY;
  // A local day begins up to a day before or after UTC's.
  const moments = [-1, 0, 1, 2].map((days) => momentOfLocal(midnight + days * DAY + ofDay));
  return moments.find((moment) => moment >= start) ?? start;
}

/**
 * Reads `90s`, `10m`, `2h`, `1d` after the beginning; `10:03[:05]`, local time; or `2026-11-21 10:03[:05]`, local time unless
 * `Z` or an offset follows.
 * @throws UsageError if it is none of these
 */
export function parseWhen(what: string, text: string): When {
  const after = AFTER.exec(text);
  if (after) {
    const ms = Number(after[1]) * (MS[after[2] ?? ""] ?? 0);
    return (start) => start + ms;
  }
  const ofDay = OF_DAY.exec(text);
  if (ofDay) {
    const [hour, minute, second] = [1, 2, 3].map((at) => Number(ofDay[at] ?? 0)) as [number, number, number];
    if (hour < 24 && minute < 60 && second < 60)
      return (start) => nextAt(start, (hour * 60 + minute) * 60e3 + second * 1e3);
  }
  const dated = DATED.exec(text);
  const [, day = "", time = "", zone] = dated ?? [];
  const moment = Date.parse(`${day}T${time}${zone ?? "Z"}`);
  // A day that its month hasn't would be one of the next month.
  if (Number.isNaN(moment) || new Date(Date.parse(day)).toISOString().slice(0, day.length) !== day)
    throw new UsageError(
      `${what} takes 10:03, 10:03:05, "2026-11-21 10:03:05" with Z or +01:00 if it isn't local, or 10m after the beginning, not "${text}"`,
    );
  const exact = zone === undefined ? momentOfLocal(moment) : moment;
  return () => exact;
}
