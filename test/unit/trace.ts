// SPDX-License-Identifier: MIT
// Makes kvmtrace's records for the tests.

export interface RecordParts {
  event: number;
  pid: number;
  vcpu: number;
  /** Undefined: no time stamp. */
  time: bigint | undefined;
  words: readonly number[];
}

/** The bytes of one record. */
export function record({ event, pid, vcpu, time, words }: RecordParts, big = false): Buffer {
  const bytes = Buffer.alloc(12 + (time === undefined ? 0 : 8) + 4 * words.length);
  const put = (value: number, at: number) =>
    big ? bytes.writeUInt32BE(value, at) : bytes.writeUInt32LE(value, at);
  put((event | (words.length << 28) | (time === undefined ? 0 : 1 << 31)) >>> 0, 0);
  put(pid, 4);
  put(vcpu, 8);
  let at = 12;
  if (time !== undefined) at = big ? bytes.writeBigUInt64BE(time, at) : bytes.writeBigUInt64LE(time, at);
  for (const word of words) at = put(word, at);
  return bytes;
}
