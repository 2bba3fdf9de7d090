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
 * Local date and time, `2026-11-21 10:03:05`; UTC, `2026-11-21 09:03:05Z`, where the local time is unknown.
 * @param withZone adds the offset from UTC, `2026-11-21 10:03:05+01:00`
 */
export function timeStamp(time: Date, withZone = false): string {
  const moment = momentOf(time);
  return `${moment.date} ${moment.time}${withZone || !moment.isLocal ? moment.zone : ""}`;
}

/** Local time of day, `10:03:05.123`; UTC, `09:03:05.123Z`, where the local time is unknown. */
export function timeOfDay(time: Date): string {
  const moment = momentOf(time);
  return `${moment.time}.${pad(time.getUTCMilliseconds(), 3)}${moment.isLocal ? "" : "Z"}`;
}
