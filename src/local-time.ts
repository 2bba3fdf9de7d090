// SPDX-License-Identifier: MIT
// Local times as date(1) prints them: the C library's, or UTC marked with a Z where that can't be asked.
import { localFields } from "./native/local-time";

interface Moment {
  readonly date: string;
  readonly time: string;
  /** The offset from UTC, `+05:30`; `Z` where the local time is unknown. */
  readonly zone: string;
  readonly isLocal: boolean;
}

const pad = (number: number, width = 2) => String(number).padStart(width, "0");

/** `+05:30`; the seconds of a historic offset only where it has some, `+00:53:28`. */
function offsetText(offset: number): string {
  const seconds = Math.abs(offset);
  const fields = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return (
    (offset < 0 ? "-" : "+") +
    fields
      .slice(0, seconds % 60 === 0 ? 2 : 3)
      .map((field) => pad(field))
      .join(":")
  );
}

function momentOf(time: Date): Moment {
  const fields = localFields(Math.floor(time.getTime() / 1000));
  const [year, month, day, hour, minute, second] = fields ?? [
    time.getUTCFullYear(),
    time.getUTCMonth() + 1,
    time.getUTCDate(),
    time.getUTCHours(),
    time.getUTCMinutes(),
    time.getUTCSeconds(),
  ];
  return {
    date: [pad(year, 4), pad(month), pad(day)].join("-"),
    time: [hour, minute, second].map((field) => pad(field)).join(":"),
    zone: fields ? offsetText(fields[6]) : "Z",
    isLocal: fields !== undefined,
  };
}

/**
 * The moment at which a local clock shows this date and time, in ms since 1970; where it shows it twice, the earlier.
 * @param shown the same date and time taken as UTC, in ms since 1970
 */
export function momentOfLocal(shown: number): number {
  const offsetAt = (ms: number) => (localFields(Math.floor(ms / 1000))?.[6] ?? 0) * 1000;
  // No zone is a day from UTC, and none changes twice within two days.
  const [before, after] = [offsetAt(shown - 86_400_000), offsetAt(shown + 86_400_000)];
  const [early, late] = [shown - before, shown - after].sort((a, b) => a - b) as [number, number];
  return offsetAt(early) === shown - early ? early : late;
}

/**
 * Local date and time, `2026-11-21 10:03:05`; UTC, `2026-11-21 09:03:05Z`, where the local time is unknown.
 * @param withZone adds the offset from UTC, `2026-11-21 10:03:05+01:00`
 */
export function timeStamp(time: Date, withZone = false): string {
  const moment = momentOf(time);
  return `${moment.date} ${moment.time}${withZone || !moment.isLocal ? moment.zone : ""}`;
}

/** A moment in ISO 8601: of UTC, `2026-11-21T09:03:05.123Z`; local, `2026-11-21T10:03:05.123+01:00`. */
export function isoTime(time: Date, local: boolean): string {
  if (!local) return time.toISOString();
  const moment = momentOf(time);
  return `${moment.date}T${moment.time}.${pad(time.getUTCMilliseconds(), 3)}${moment.zone}`;
}

/** Local time of day, `10:03:05.123`; UTC, `09:03:05.123Z`, where the local time is unknown. */
export function timeOfDay(time: Date): string {
  const moment = momentOf(time);
  return `${moment.time}.${pad(time.getUTCMilliseconds(), 3)}${moment.isLocal ? "" : "Z"}`;
}
