// SPDX-License-Identifier: MIT
// A screen's content: pieces of text with their places and styles.
import { safeText } from "../text";

/** No colours: NO_COLOR leaves nothing out. */
export type Style = "plain" | "bold" | "standout" | "underline" | "alarm";

/** Text at a place of the screen, counted from 0. What doesn't fit is cut off. */
export interface Piece {
  readonly row: number;
  readonly column: number;
  readonly text: string;
  readonly style: Style;
}

/** A screen's content; the cursor shows where there is input to type. */
export interface Frame {
  readonly pieces: readonly Piece[];
  readonly cursor?: { readonly row: number; readonly column: number };
}

export interface Size {
  readonly rows: number;
  readonly columns: number;
}

/** A piece whose text can't steer a terminal. */
export function piece(row: number, column: number, text: string, style: Style = "plain"): Piece {
  return { row, column, text: safeText(text), style };
}
