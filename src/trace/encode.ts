// The first and the last record of a recording; the recorder's addon writes those between them.
import { EVENT, TICKS_PER_US, VERSION } from "./events";

/** Without a time stamp, so that the first relative time is 0. */
function untimed(event: number, pid: number, data: readonly number[]): Uint32Array {
  return Uint32Array.of(event | (data.length << 28), pid, 0, ...data);
}

/** The record that a recording of ours begins with. */
export function firstRecord(pid: number, now: Date): Uint32Array {
  const ms = now.getTime();
  return untimed(EVENT.recording, pid, [VERSION, TICKS_PER_US, ms >>> 0, Math.floor(ms / 2 ** 32)]);
}

/** The record that a whole recording ends with: how many events were lost. */
export function lastRecord(pid: number, lost: number): Uint32Array {
  return untimed(EVENT.end, pid, [lost >>> 0, Math.floor(lost / 2 ** 32)]);
}
