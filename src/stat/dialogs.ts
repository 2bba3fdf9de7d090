// SPDX-License-Identifier: MIT
// The questions that the screen asks: for a filter, an interval, a guest. Each knows its screen and takes an answer.
import { messageOf } from "../errors";
import { cellsOf } from "../render/cells";
import type { Guest } from "./guests";
import { floatText, oneDecimal, parseFloating } from "../python/numbers";
import { DELAY_DEFAULT, delayFault } from "./options";
import { InvalidRegex } from "../python/regex-scanner";
import { piece, type Frame, type Piece } from "../screen/frame";

/** A question with one line to type. */
export interface Dialog {
  /** The screen without the line that is typed. */
  pieces(message: string): Piece[];
  row: number;
  prompt: string;
  /** Takes the answer; returns what is wrong with it, undefined when it was taken. */
  answer(text: string): string | undefined;
}

/** The screen of a dialog with what was typed so far: of a line that is too long its end, where the cursor is. */
export function dialogFrame(dialog: Dialog, typed: string, message: string, columns: number): Frame {
  const line = piece(dialog.row, 0, dialog.prompt + typed);
  const cells = cellsOf(line.text);
  const seen = cells.slice(Math.max(0, cells.length + 1 - columns));
  // Half of a wide character is none.
  const text = seen.map((cell, column) => (column === 0 && cell === "" ? " " : cell)).join("");
  return {
    pieces: [...dialog.pieces(message), { ...line, text }],
    cursor: { row: dialog.row, column: seen.length },
  };
}

/** Asks for a regular expression; an empty one shows all fields. */
export function filterDialog(current: string, set: (regex: string) => void): Dialog {
  return {
    row: 3,
    prompt: "New regex: ",
    pieces: (message) => [
      piece(0, 0, "Show statistics for events matching a regex.", "bold"),
      piece(2, 0, `Current regex: ${current}`),
      piece(5, 0, message),
    ],
    answer: (text) => {
      try {
        set(text);
        return undefined;
      } catch (error) {
        return error instanceof InvalidRegex ? `"${text}": Not a valid regular expression` : messageOf(error);
      }
    },
  };
}

/** Asks for the seconds between refreshes; an empty answer is the default. */
export function intervalDialog(current: number, set: (delay: number) => void): Dialog {
  return {
    row: 2,
    prompt: `Change delay from ${oneDecimal(current)}s to `,
    pieces: (message) => [
      piece(0, 0, `Set update interval (defaults to ${floatText(DELAY_DEFAULT)}s).`, "bold"),
      piece(4, 0, message),
    ],
    answer: (text) => {
      const delay = text === "" ? DELAY_DEFAULT : parseFloating(text);
      if (delay === undefined) return `"${text}": Invalid value`;
      const fault = delayFault(delay);
      if (fault === undefined) set(delay);
      return fault;
    },
  };
}

/** What the guest dialog asks of the machine. */
export interface GuestSource {
  guests(): Guest[];
  pidsOf(name: string): number[];
  isRunning(pid: number): boolean;
}

/** Asks for a guest or a process; an empty answer or 0 shows all. */
export function guestDialog(source: GuestSource, set: (pid: number) => void): Dialog {
  const pidOf = (text: string): number | string => {
    if (text === "" || /^\d+$/.test(text)) {
      const pid = Number(text);
      return pid === 0 || source.isRunning(pid) ? pid : `"${text}": Not a running process`;
    }
    const [first, ...others] = source.pidsOf(text);
    if (first === undefined) return `"${text}": Not an active guest`;
    return others.length > 0 ? `"${text}": Multiple matches found, use pid filter instead` : first;
  };
  return {
    row: 3,
    prompt: "Guest or pid [ENTER exits]: ",
    pieces: (message) => [
      piece(0, 0, "Show statistics for specific guest or pid.", "bold"),
      piece(1, 0, "This might limit the shown data to the trace statistics."),
      piece(5, 0, message),
      piece(
        7,
        2,
        `${"Pid".padStart(8)}  ${"Guest Name (fuzzy list, might be inaccurate!)".padEnd(60)}`,
        "underline",
      ),
      ...source
        .guests()
        .map((guest, index) =>
          piece(8 + index, 2, `${String(guest.pid).padStart(8)}  ${guest.name.padEnd(60)}`),
        ),
    ],
    answer: (text) => {
      try {
        const pid = pidOf(text);
        if (typeof pid === "string") return pid;
        set(pid);
        return undefined;
      } catch (error) {
        return messageOf(error);
      }
    },
  };
}
