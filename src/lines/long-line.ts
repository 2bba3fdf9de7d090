// SPDX-License-Identifier: MIT
// A line that is too long to be parsed at once: the rows of its lists are taken one by one as their text comes.
import { messageOf } from "../errors";
import { safeText } from "../text";
import { fail } from "./fields";

/** Longest text of a row, and of all that is no row: it is parsed in some 100 ms. */
const MAX_PART = 2 ** 24;

/** Most lists and objects within each other: more than twice as many as lines have. */
const MAX_DEPTH = 32;
/** Most lists and objects of a row: twice as many as 1,024 details have, each with a histogram at three levels. */
const MAX_OPENED = 2 ** 20;

/** How a list begins whose rows are taken one by one. */
const LIST = /"(exits|split)"\s*:\s*$/;
/** More than the name of such a list and its colon have. */
const NAME = 64;

const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN, CLOSE] = [0x5b, 0x5d, 0x7b, 0x7d];

/** @throws UsageError if it is no JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail(safeText(messageOf(error)));
  }
}

/** Takes a row of a list. */
export type OnRow = (list: "exits" | "split", row: unknown) => void;

/** Takes a line's text in pieces of any length. */
export class LongLine {
  /** The line without the rows that were taken. */
  #frame = "";
  /** What has come of a row. */
  #row = "";
  #list: "exits" | "split" | undefined;
  #rows = 0;
  /** Lists and objects that are open; in a row, those of the row. */
  #depth = 0;
  /** Lists and objects of a row, or of the line so far. */
  #opened = 0;
  #inText = false;
  #escaped = false;
  readonly #onRow: OnRow;

  constructor(onRow: OnRow) {
    this.#onRow = onRow;
  }

  /** @throws UsageError at a row that is no JSON, or that onRow() doesn't take */
  feed(text: string): void {
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false;
        else if (code === BACKSLASH) this.#escaped = true;
        else if (code === QUOTE) this.#inText = false;
      } else if (code === QUOTE) this.#inText = true;
      else if (this.#list !== undefined && this.#depth === 0 && (code === COMMA || code === CLOSE_LIST)) {
        this.#take(text.slice(from, at));
        this.#endRow(code === CLOSE_LIST);
        from = code === COMMA ? at + 1 : at;
      } else if (code === OPEN || code === OPEN_LIST) {
        if (++this.#depth > MAX_DEPTH || ++this.#opened > MAX_OPENED)
          fail("it has more lists and objects than lines of the tools have");
        if (code !== OPEN_LIST || this.#list !== undefined || this.#depth !== 2) continue;
        this.#take(text.slice(from, at));
        from = at;
        const name = LIST.exec(this.#frame.slice(-NAME))?.[1];
        if (name !== "exits" && name !== "split") continue;
        this.#take("[");
        from = at + 1;
        [this.#list, this.#rows, this.#depth, this.#opened] = [name, 0, 0, 0];
      } else if ((code === CLOSE || code === CLOSE_LIST) && this.#depth > 0) this.#depth--;
    }
    this.#take(text.slice(from));
  }

  /** The line without its rows, and whether all of it is there. */
  get frame(): { readonly text: string; readonly isWhole: boolean } {
    return { text: this.#frame, isWhole: this.#list === undefined && this.#depth === 0 && !this.#inText };
  }

  #take(text: string): void {
    if (this.#list === undefined) this.#frame += text;
    else this.#row += text;
    if (Math.max(this.#frame.length, this.#row.length) > MAX_PART)
      fail(`a part of it is longer than ${MAX_PART} characters`);
  }

  #endRow(isLast: boolean): void {
    const [list, row] = [this.#list, this.#row];
    this.#row = "";
    this.#opened = 0;
    if (isLast) {
      this.#list = undefined;
      // The line itself.
      this.#depth = 1;
      if (this.#rows === 0 && row.trim() === "") return;
    }
    this.#rows++;
    if (list !== undefined) this.#onRow(list, parseJson(row));
  }
}
