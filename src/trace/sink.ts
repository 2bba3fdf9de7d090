// SPDX-License-Identifier: MIT
// A growing buffer of output bytes, with the fast ways to write text and numbers into it.
//
// Text is written eight bytes at a time, which is several times as fast as one: a write may therefore spill up to
// seven bytes beyond its end, which the next write covers.

const SPILL_BYTES = 8;
const ZERO = 0x30;
const SPACE = 0x20;
const MINUS = 0x2d;

/** Most bytes that one of the number writers puts beyond the width asked for. */
export const NUMBER_BYTES = 24;

function pairs(digits: string): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, value) => {
    return digits.charCodeAt(value >> 4) | (digits.charCodeAt(value & 15) << 8);
  });
}

/** Two hexadecimal digits for each byte, as they lie in memory on a little-endian machine. */
const HEXADECIMAL = pairs("0123456789abcdef");
const HEXADECIMAL_CAPITALS = pairs("0123456789ABCDEF");
/** Four decimal digits for each number below 10,000, in the same way. */
const DECIMAL = Int32Array.from({ length: 10_000 }, (_, value) => {
  const digit = (power: number) => ZERO + (Math.floor(value / power) % 10);
  return digit(1000) | (digit(100) << 8) | (digit(10) << 16) | (digit(1) << 24);
});
/** Powers of ten that 32 bits hold, and one above all of those numbers. */
const POWERS = Float64Array.from({ length: 11 }, (_, exponent) => 10 ** exponent);
/** What to take from four digits to turn the first n of them from zeros into spaces. */
const ZEROS_TO_SPACES = Int32Array.of(0, 0x10, 0x1010, 0x101010, 0x10101010);

/** Number of decimal digits of a number below 2^31. */
function digitsOf(value: number): number {
  // 1233 / 4096 is a little above log10(2): a guess from the bits, right or one too small.
  const guess = ((32 - Math.clz32(value)) * 1233) >> 12;
  return value >= (POWERS[guess] ?? 0) || value === 0 ? guess + 1 : guess;
}

/** Text prepared for ByteSink.literal(). */
export interface Literal {
  length: number;
  /** Eight bytes in each, which is the widest that JavaScript copies at once; empty for other text than ASCII. */
  doubles: Float64Array;
  bytes: Buffer;
}

/** How a number writer fills up to a width: with zeros or with spaces. */
export interface Padding {
  width: number;
  zeros: boolean;
  /** Capital letters for digits above 9. */
  capitals: boolean;
}

/** Prepares text of code points below 256. */
export function literal(text: string): Literal {
  const bytes = Buffer.from(new ArrayBuffer((text.length + 7) & ~7));
  bytes.write(text, "latin1");
  // No eight bytes of ASCII are a NaN, whose bits might not survive being copied.
  const ascii = bytes.every((byte) => byte < 0x80);
  const doubles = new Float64Array(bytes.buffer, 0, ascii ? bytes.length / 8 : 0);
  return { length: text.length, doubles, bytes: bytes.subarray(0, text.length) };
}

/**
 * Output bytes in the making. text() appends and makes room for itself; the other writers trust that reserve() made
 * room, write at a place and return the place after it, which the caller hands back as `size`. (Kept in a local variable
 * there, the place costs no memory traffic.)
 */
export class ByteSink {
  /** Number of bytes written. */
  size = 0;
  #bytes!: Buffer;
  #view!: DataView;
  /** Room that reserve() promised. */
  #room = 0;

  constructor(capacity = 1 << 17) {
    this.#renew(capacity);
  }

  #renew(capacity: number): void {
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Hands out what was written and begins afresh: the bytes are the caller's until the next write. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.size);
    this.size = 0;
    return taken;
  }

  /** Makes room for a number of bytes, in addition to those that text() writes. */
  reserve(count: number): void {
    this.#room = count + SPILL_BYTES;
    this.#grow(this.#room);
  }

  #grow(count: number): void {
    if (this.size + count <= this.#bytes.length) return;
    const full = this.#bytes;
    this.#renew(Math.max(2 * full.length, this.size + count));
    full.copy(this.#bytes, 0, 0, this.size);
  }

  /** Appends text of code points below 256, one byte each. */
  text(text: string): void {
    this.#grow(text.length + this.#room);
    this.size += this.#bytes.write(text, this.size, "latin1");
  }

  /** Writes prepared text. */
  literal(at: number, { doubles, length, bytes }: Literal): number {
    const view = this.#view;
    if (doubles.length === 0 && length > 0) bytes.copy(this.#bytes, at);
    for (let i = 0, to = at; i < doubles.length; i++, to += 8) view.setFloat64(to, doubles[i] ?? 0, true);
    return at + length;
  }

  #pad(at: number, count: number, zeros: boolean): number {
    const bytes = this.#bytes;
    for (let i = count; i > 0; i--) bytes[at++] = zeros ? ZERO : SPACE;
    return at;
  }

  /** Writes a signed 32-bit integer in decimal, at least `width` wide, padded with zeros or spaces. */
  decimal(at: number, value: number, { width, zeros }: Padding): number {
    if (value < 0) return this.#negative(at, -value, width, zeros);
    const count = digitsOf(value);
    if (width === 8 && count <= 8 && !zeros) return this.#eightWide(at, value, 8 - count);
    at = this.#pad(at, width - count, zeros);
    return this.#digits(at, value, count);
  }

  /** The same of an unsigned integer below 2^53, given as two signed halves. */
  wideDecimal(at: number, high: number, low: number, padding: Padding): number {
    if (high === 0 && low >= 0) return this.decimal(at, low, padding);
    return this.#large(at, high * 0x1_0000_0000 + (low >>> 0), padding.width, padding.zeros);
  }

  #negative(at: number, value: number, width: number, zeros: boolean): number {
    const text = value.toString();
    const bytes = this.#bytes;
    if (zeros) bytes[at++] = MINUS;
    at = this.#pad(at, width - text.length - 1, zeros);
    if (!zeros) bytes[at++] = MINUS;
    return at + bytes.write(text, at, "latin1");
  }

  /** Splits a number of 2^31 and more, so that all divisions but one are of 32-bit integers. */
  #large(at: number, value: number, width: number, zeros: boolean): number {
    const view = this.#view;
    const high = Math.floor(value / 1e8);
    const low = (value - high * 1e8) | 0;
    const count = digitsOf(high);
    at = this.#digits(this.#pad(at, width - count - 8, zeros), high, count);
    const above = (low / 10_000) | 0;
    view.setInt32(at, DECIMAL[above] ?? 0, true);
    view.setInt32(at + 4, DECIMAL[low - above * 10_000] ?? 0, true);
    return at + 8;
  }

  /** Writes a number below 10^8 with spaces for its leading zeros, without a branch. */
  #eightWide(at: number, value: number, spaces: number): number {
    const view = this.#view;
    const above = (value / 10_000) | 0;
    const first = (DECIMAL[above] ?? 0) - (ZEROS_TO_SPACES[Math.min(spaces, 4)] ?? 0);
    const second = (DECIMAL[value - above * 10_000] ?? 0) - (ZEROS_TO_SPACES[Math.max(spaces - 4, 0)] ?? 0);
    view.setInt32(at, first, true);
    view.setInt32(at + 4, second, true);
    return at + 8;
  }

  /** Writes the `count` digits of a number below 2^31. */
  #digits(start: number, value: number, count: number): number {
    const bytes = this.#bytes;
    const view = this.#view;
    const end = start + count;
    let at = end;
    while (at - start >= 4) {
      const above = (value / 10_000) | 0;
      at -= 4;
      view.setInt32(at, DECIMAL[value - above * 10_000] ?? 0, true);
      value = above;
    }
    while (at > start) {
      const above = (value / 10) | 0;
      bytes[--at] = ZERO + value - above * 10;
      value = above;
    }
    return end;
  }

  /** Writes an unsigned 32-bit number, given as a signed one, in base 16, at least `width` wide. */
  hexadecimal(at: number, value: number, { width, zeros, capitals }: Padding): number {
    const bytes = this.#bytes;
    const digits = capitals ? HEXADECIMAL_CAPITALS : HEXADECIMAL;
    const count = value === 0 ? 1 : 8 - (Math.clz32(value) >>> 2);
    const end = this.#pad(at, width - count, zeros) + count;
    for (let i = 1; i <= count; i++, value >>>= 4) bytes[end - i] = (digits[value & 15] ?? 0) >>> 8;
    return end;
  }

  /** Writes all eight digits of a 32-bit number, given as a signed one, in base 16 with small letters. */
  eight(at: number, value: number): number {
    const view = this.#view;
    const first = (HEXADECIMAL[value >>> 24] ?? 0) | ((HEXADECIMAL[(value >>> 16) & 255] ?? 0) << 16);
    const second = (HEXADECIMAL[(value >>> 8) & 255] ?? 0) | ((HEXADECIMAL[value & 255] ?? 0) << 16);
    view.setInt32(at, first, true);
    view.setInt32(at + 4, second, true);
    return at + 8;
  }

  /** Writes an unsigned 64-bit number, given as two signed halves, in base 16, at least `width` wide. */
  wideHexadecimal(at: number, high: number, low: number, padding: Padding): number {
    if (high === 0) return this.hexadecimal(at, low, padding);
    const middle = this.hexadecimal(at, high, { ...padding, width: padding.width - 8 });
    return this.hexadecimal(middle, low, { ...padding, width: 8, zeros: true });
  }
}
