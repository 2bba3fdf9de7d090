// SPDX-License-Identifier: MIT
// The terminal as a screen to draw on: keys in, whole frames out, given back on every way out of the process.
import { cellsOf } from "../../src/render/cells";
import type { Frame, Piece, Size, Style } from "../../src/screen/frame";
import { printBytes } from "./output";

// ECMA-48 and xterm's private modes: 1049 the alternate screen, 25 the cursor, 7 wrapping, 2026 drawing in one go.
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const BEGIN = "\x1b[?2026h\x1b[?25l";
const END = "\x1b[?2026l";
const STYLES: Readonly<Record<Style, string>> = {
  plain: "\x1b[0m",
  bold: "\x1b[0;1m",
  standout: "\x1b[0;7m",
  underline: "\x1b[0;4m",
  alarm: "\x1b[0;5;7m",
};
const CONTROLS: Readonly<Record<string, string>> = {
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  "\x7f": "backspace",
  "\b": "backspace",
  "\x03": "interrupt",
  "\x1c": "interrupt",
  "\x15": "kill",
  "\x1a": "suspend",
  "\x1b": "escape",
};
// What follows ESC [ or ESC O: the letters and numbers of xterm, of Linux's console and of the VT220.
const SEQUENCES: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  F: "end",
  H: "home",
  "1~": "home",
  "2~": "insert",
  "3~": "delete",
  "4~": "end",
  "5~": "pageup",
  "6~": "pagedown",
  "7~": "home",
  "8~": "end",
};

/**
 * The keys in a piece of input: characters, and names for others: "enter", "up", "pagedown". A key that has no name here,
 * such as F1, Alt-b or Ctrl-left, is one "sequence".
 */
export function keysIn(input: string): string[] {
  // CSI and SS3 sequences, then a lone escape with what follows it (Alt), then any character.
  // eslint-disable-next-line no-control-regex -- control characters are what this looks for
  const keys = input.match(/\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|\x1b.?|./gsu) ?? [];
  return keys.map((key) => {
    const name = CONTROLS[key] ?? (/^.[[O]/s.test(key) ? SEQUENCES[key.slice(2)] : undefined);
    return name ?? (key < " " ? "sequence" : key);
  });
}

/** One row of a frame, later pieces over earlier ones, cut at the screen's width. */
function rowText(pieces: readonly Piece[], columns: number): string {
  const cells: { character: string; style: Style }[] = [];
  // Of a wide character that is cut, no half is left.
  const cut = (column: number): void => {
    const [half, other] = [cells[column - 1], cells[column]];
    if (half && other?.character === "") half.character = other.character = " ";
  };
  for (const { column, text, style } of pieces) {
    while (cells.length < column) cells.push({ character: " ", style: "plain" });
    const line = cellsOf(text).map((character) => ({ character, style }));
    cut(column);
    cut(column + line.length);
    cells.splice(column, line.length, ...line);
  }
  cut(columns);
  cells.length = Math.min(cells.length, columns);
  let style: Style = "plain";
  let line = STYLES.plain;
  for (const cell of cells) {
    if (cell.style !== style) line += STYLES[cell.style];
    style = cell.style;
    line += cell.character;
  }
  return `${line}${STYLES.plain}`;
}

/** The bytes that turn what is on the screen, row by row, into a frame. */
export function drawing(frame: Frame, size: Size, shown: string[]): string {
  let text = BEGIN;
  for (let row = 0; row < size.rows; row++) {
    const line = rowText(
      frame.pieces.filter((piece) => piece.row === row),
      size.columns,
    );
    if (shown[row] === line) continue;
    shown[row] = line;
    // Cleared first: after a line of the whole width the cursor is on its last character.
    text += `\x1b[${row + 1};1H\x1b[0m\x1b[K${line}`;
  }
  const { cursor } = frame;
  const place = cursor && `\x1b[${cursor.row + 1};${Math.min(cursor.column + 1, size.columns)}H\x1b[?25h`;
  return `${text}${place ?? ""}${END}`;
}

const print = (text: string): void => {
  printBytes(Buffer.from(text));
};

/** Why standard input and output can be no screen; undefined if they can. */
export function screenFault(): string | undefined {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return "the screen needs a terminal";
  // terminfo's name for a terminal that knows no escape sequences; without a name none may be assumed either.
  const term = process.env["TERM"] ?? "";
  if (term !== "" && term !== "dumb") return undefined;
  return `the screen needs a terminal that can move its cursor, and TERM is ${term === "" ? "not set" : term}`;
}

export class Terminal {
  #shown: string[] = [];
  #entered = false;
  readonly #continued: () => void;
  readonly #restore = (): void => {
    this.leave();
  };
  readonly #suspended = (): void => {
    this.#suspend(process.pid);
  };

  /**
   * Takes the terminal, of which screenFault() has no fault to tell.
   * @param onKey called for each key, as keysIn() names them
   * @param onResize called for each change that needs a new frame
   * @param onEnd called when the terminal is gone
   */
  constructor(onKey: (key: string) => void, onResize: () => void, onEnd: () => void) {
    // A crash restores the terminal before Node prints it, anything else when the process exits.
    process.on("exit", this.#restore).on("uncaughtExceptionMonitor", this.#restore);
    process.on("SIGTSTP", this.#suspended);
    this.#continued = () => {
      this.#enter();
      onResize();
    };
    process.on("SIGCONT", this.#continued);
    process.stdout.on("resize", () => {
      this.#shown = [];
      print("\x1b[2J");
      onResize();
    });
    process.stdin.setEncoding("utf8").on("data", (input: string) => {
      for (const key of keysIn(input)) {
        // The whole job, as the terminal would: a script that waits for this process stops with it.
        if (key === "suspend") this.#suspend(0);
        else onKey(key);
      }
    });
    process.stdin.on("end", onEnd);
    this.#enter();
  }

  get size(): Size {
    // Serial consoles give a size of 0.
    return { rows: process.stdout.rows || 24, columns: process.stdout.columns || 80 };
  }

  draw(frame: Frame): void {
    if (this.#entered) print(drawing(frame, this.size, this.#shown));
  }

  #enter(): void {
    this.#shown = [];
    this.#entered = true;
    // libuv sets no mode twice, and the shell may have set another since.
    process.stdin.setRawMode(false).setRawMode(true).resume();
    print(ENTER);
  }

  /** Gives the terminal back; may be called again. */
  leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    // Below the last row, for terminals that have no alternate screen.
    print(`\x1b[0m\x1b[${this.size.rows};1H\r\n${LEAVE}`);
    try {
      process.stdin.setRawMode(false).pause();
    } catch {
      // The terminal itself is gone.
    }
  }

  /**
   * Stops until SIGCONT. Goes on at once where no shell could continue it: the kernel ignores SIGTSTP for an orphaned
   * process group.
   */
  #suspend(target: number): void {
    this.leave();
    process.removeListener("SIGTSTP", this.#suspended).removeListener("SIGCONT", this.#continued);
    process.kill(target, "SIGTSTP");
    process.on("SIGTSTP", this.#suspended).on("SIGCONT", this.#continued);
    this.#continued();
  }
}
