// SPDX-License-Identifier: MIT
// The first and the last record of a recording; the recorder's addon writes those between them.
import { ANY_CPU, EVENT, TICKS_PER_US, VERSION } from "./events";

/** Without a time stamp, so that the first relative time is 0. */
function untimed(event: number, pid: number, data: readonly number[]): Uint32Array {
  return Uint32Array.of(event | (data.length << 28), pid, 0, ...data);
}

/** The record that a recording of ours begins with. */
export function firstRecord(pid: number, now: Date): Uint32Array {
  const ms = now.getTime();
  return untimed(EVENT.recording, pid, [VERSION, TICKS_PER_US, ms >>> 0, Math.floor(ms / 2 ** 32)]);
}

/**
 * Records of a gap whose CPU and place are unknown, in which so many events were lost: without a time stamp, they are of
 * the moment before.
 */
export function gapRecords(lost: number): Uint32Array {
  const begin = untimed(EVENT.gap, 0, [ANY_CPU]);
  const end = untimed(EVENT.gapEnd, 0, [ANY_CPU, lost >>> 0, Math.floor(lost / 2 ** 32)]);
  return Uint32Array.of(...begin, ...end);
}

/** Bytes of a text that one record has: four data words. */
const TEXT_BYTES = 16;

/** 16 bytes as four words, in the order in which this machine writes them. */
function textWords(bytes: Uint8Array): number[] {
  const padded = Buffer.alloc(TEXT_BYTES);
  padded.set(bytes);
  return [0, 4, 8, 12].map((at) => padded.readUInt32LE(at));
}

/** Records that tell what the VM of a process is called, and its UUID if it has one. @param name of 65,535 bytes at most */
export function vmRecords(pid: number, name: string, uuid: string | undefined): Uint32Array {
  const bytes = Buffer.from(name);
  const records: number[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += TEXT_BYTES)
    records.push(
      ...untimed(EVENT.vmName, pid, [
        bytes.length * 2 ** 16 + at,
        ...textWords(bytes.subarray(at, at + TEXT_BYTES)),
      ]),
    );
  if (uuid !== undefined)
    records.push(...untimed(EVENT.vmUuid, pid, textWords(Buffer.from(uuid.replaceAll("-", ""), "hex"))));
  return Uint32Array.from(records);
}

/** What the last record says. */
export interface End {
  /** Events that found no room in the kernel's rings. */
  readonly lost: number;
  /** Events that came before the recorder detached, and did not fit in the file. */
  readonly unwritten: number;
  /** One of END_REASON. */
  readonly reason: number;
}

/** The length of the record that a whole recording ends with. */
export const LAST_BYTES = 32;

/** The record that a whole recording ends with. */
export function lastRecord(pid: number, { lost, unwritten, reason }: End): Uint32Array {
  const halves = [lost, unwritten].flatMap((count) => [count >>> 0, Math.floor(count / 2 ** 32)]);
  return untimed(EVENT.end, pid, [...halves, reason]);
}
