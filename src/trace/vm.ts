// SPDX-License-Identifier: MIT
// The VMs of recordings: what these tell of them.
import type { Vm } from "../host/vm";
import { EVENT } from "./events";
import type { TraceRecord } from "./reader";

/** In place of a process: of threads that are counted together, since there were too many. */
export const OTHERS_PID = 0;

/** A VM of a recording that doesn't tell its name; /proc, which knows names, was another machine's or another day's. */
export function unnamedVm(pid: number): Vm {
  return { pid, startNs: 0, name: pid === OTHERS_PID ? "others" : `pid ${pid}`, source: "process" };
}

/** Longest name in bytes: 256 characters, which is the longest that a recorder finds, have no more in UTF-8. */
const MAX_BYTES = 1024;
/** Most VMs whose names are kept; others have none. */
const MAX_VMS = 16_384;

/** The text of a record's data words from one on. */
function bytesOf(record: TraceRecord, from: number): Buffer {
  const bytes = Buffer.alloc(4 * Math.max(0, record.count - from));
  for (let word = from; word < record.count; word++)
    bytes.writeUInt32LE(record.word(word), 4 * (word - from));
  return bytes;
}

/** The UUID that a record tells. */
export function uuidOf(record: TraceRecord): string {
  const hex = bytesOf(record, 0).toString("hex").padEnd(32, "0");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The part of a name that a record tells, and where in the name it is, in bytes. */
function partOf(record: TraceRecord): {
  readonly at: number;
  readonly length: number;
  readonly bytes: Buffer;
} {
  const place = record.word(0);
  const [at, length] = [place & 0xffff, place >>> 16];
  return { at, length, bytes: bytesOf(record, 1).subarray(0, Math.max(0, length - at)) };
}

/** The part of a name that a record tells, which may begin within a character: each byte that isn't ASCII is `\\xHH`. */
export function namePart(record: TraceRecord): string {
  return Array.from(partOf(record).bytes, (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`,
  ).join("");
}

/** The VMs of one machine's recording. */
export class RecordedVms {
  readonly #vms = new Map<number, Vm>();
  /** Names whose last part hasn't come. */
  readonly #parts = new Map<number, Buffer>();

  /** The VM that a process runs. */
  of(pid: number): Vm {
    return this.#vms.get(pid) ?? unnamedVm(pid);
  }

  /** Takes a record that tells something of a VM. @returns whether the VM is another now */
  take(record: TraceRecord): boolean {
    const { pid, event } = record;
    if (pid === OTHERS_PID || (this.#vms.size >= MAX_VMS && !this.#vms.has(pid))) return false;
    if (event === EVENT.vmUuid) {
      this.#vms.set(pid, { ...this.of(pid), uuid: uuidOf(record) });
      return true;
    }
    const { at, length, bytes } = partOf(record);
    const before = at === 0 ? Buffer.alloc(0) : this.#parts.get(pid);
    if (before?.length !== at || length > MAX_BYTES) return false;
    const name = Buffer.concat([before, bytes]);
    if (name.length < length) {
      this.#parts.set(pid, name);
      return false;
    }
    this.#parts.delete(pid);
    if (length > 0) this.#vms.set(pid, { ...this.of(pid), name: name.toString(), source: "recorded" });
    return true;
  }
}
