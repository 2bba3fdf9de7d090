// SPDX-License-Identifier: MIT
// The interactive screen between keys and frames: what each key does, and when the next refresh is due.
import type { Frame, Piece, Size } from "../screen/frame";
import { COMMANDS, type Actions } from "./commands";
import {
  dialogFrame,
  filterDialog,
  guestDialog,
  intervalDialog,
  type Dialog,
  type GuestSource,
} from "./dialogs";
import { helpPieces } from "./help-screen";
import { bodyPieces, deadPiece, headerPieces, messagePiece, noticePieces } from "./screen";
import type { Header, View } from "./screen";
import type { Statistics } from "./statistics";

/** The first numbers come soon after a start or an answer, in seconds: kvm_stat's 0.25 s in whole tenths. */
const FIRST_DELAY = 0.2;

const NO_GUESTS = [
  "Command not available with tracepoints enabled",
  "Restart with debugfs only (see option '-d') and try again!",
];

export interface ProcessSource extends GuestSource {
  toldNameOf(pid: number): string;
}

/** What has the screen: the table, a page that any key ends, or a question. */
type Mode =
  | { kind: "table" }
  | { kind: "page"; pieces: (columns: number) => Piece[] }
  | { kind: "dialog"; dialog: Dialog; typed: string; message: string };

export class Interactive implements Actions {
  #mode: Mode = { kind: "table" };
  #sort: View["sort"] = "current";
  #children = false;
  #byGuest = false;
  #guest = "";
  #body: Piece[] = [messagePiece("Collecting data...")];
  #dead = false;
  #lastRead: number | undefined;
  #wait = FIRST_DELAY;
  #soon = true;
  #ended = false;
  readonly #statistics: Statistics;
  readonly #processes: ProcessSource;
  #delay: number;

  /** @param delay seconds between refreshes */
  constructor(statistics: Statistics, processes: ProcessSource, delay: number) {
    this.#statistics = statistics;
    this.#processes = processes;
    this.#delay = delay;

    this.#guest = this.#processes.toldNameOf(statistics.pid);
  }

  /** Milliseconds until the next refresh is due; undefined while a key is awaited. */
  get waitMs(): number | undefined {
    return this.#mode.kind === "table" ? this.#wait * 1000 : undefined;
  }

  frame(size: Size): Frame {
    if (this.#mode.kind === "dialog") {
      const { dialog, typed, message } = this.#mode;
      return dialogFrame(dialog, typed, message, size.columns);
    }
    if (this.#mode.kind === "page") return { pieces: this.#mode.pieces(size.columns) };
    const header = this.#header();
    return { pieces: [...headerPieces(header), ...this.#body, ...(this.#dead ? [deadPiece(header)] : [])] };
  }

  #header(): Header {
    return {
      pid: this.#statistics.pid,
      guest: this.#guest,
      regex: this.#statistics.regex,
      byGuest: this.#byGuest,
    };
  }

  /** Reads the counts again. @param now seconds on a clock that never goes back */
  refresh(now: number, size: Size): void {
    if (this.#mode.kind !== "table") return;
    this.#wait = this.#soon ? FIRST_DELAY : Math.trunc(this.#delay * 10) / 10;
    this.#soon = false;
    const { pid } = this.#statistics;
    this.#dead = pid !== 0 && !this.#processes.isRunning(pid);
    if (this.#dead && !this.#followGuest()) return;
    const seconds = this.#lastRead === undefined ? Infinity : Math.max(now - this.#lastRead, Number.EPSILON);
    this.#lastRead = now;
    const nameOf = (key: string): string => this.#processes.toldNameOf(Number(key)) || key;
    const view = {
      sort: this.#sort,
      children: this.#children,
      byGuest: this.#byGuest,
      nameOf,
      seconds,
      rows: size.rows,
    };
    this.#body = bodyPieces(this.#statistics.read(this.#byGuest), view);
  }

  /** A guest that is back under another pid is followed there. */
  #followGuest(): boolean {
    const pids = this.#guest === "" ? [] : this.#processes.pidsOf(this.#guest);
    if (pids.length !== 1 || pids[0] === undefined) return false;
    this.#setPid(pids[0]);
    return true;
  }

  #setPid(pid: number): void {
    this.#statistics.setPid(pid);
    this.#guest = this.#processes.toldNameOf(pid);
    this.#dead = false;
  }

  /** Takes a key: a character, or a name such as "enter" or "up". Returns false when it ends the program. */
  key(key: string, now: number, size: Size): boolean {
    if (key === "interrupt") return false;
    if (this.#mode.kind === "dialog") this.#type(this.#mode, key);
    else if (this.#mode.kind === "page") this.#mode = { kind: "table" };
    else {
      const command = COMMANDS.find((known) => known.key === key);
      if (command) this[command.act]();
      if (this.#ended) return false;
    }
    this.refresh(now, size);
    return true;
  }

  toggleGuests(): void {
    if (!this.#statistics.knowsGuests)
      this.#mode = { kind: "page", pieces: (columns) => noticePieces(NO_GUESTS, columns) };
    else this.#byGuest = !this.#byGuest;
  }

  clearFilters(): void {
    this.#statistics.setRegex("");
    this.#setPid(0);
  }

  askFilter(): void {
    this.#ask(
      filterDialog(this.#statistics.regex, (regex) => {
        this.#statistics.setRegex(regex);
      }),
    );
  }

  askGuest(): void {
    this.#ask(
      guestDialog(this.#processes, (pid) => {
        this.#setPid(pid);
      }),
    );
  }

  askDelay(): void {
    this.#ask(
      intervalDialog(this.#delay, (delay) => {
        this.#delay = delay;
      }),
    );
  }

  showHelp(): void {
    this.#mode = { kind: "page", pieces: helpPieces };
  }

  toggleOrder(): void {
    this.#sort = this.#sort === "current" ? "total" : "current";
  }

  toggleChildren(): void {
    this.#children = !this.#children;
  }

  reset(): void {
    this.#statistics.reset();
  }

  quit(): void {
    this.#ended = true;
  }

  #ask(dialog: Dialog): void {
    this.#mode = { kind: "dialog", dialog, typed: "", message: "" };
  }

  #type(mode: Extract<Mode, { kind: "dialog" }>, key: string): void {
    if (key === "backspace") mode.typed = Array.from(mode.typed).slice(0, -1).join("");
    else if (key === "kill") mode.typed = "";
    else if (key === "enter") {
      const fault = mode.dialog.answer(mode.typed);
      if (fault === undefined) {
        this.#mode = { kind: "table" };
        this.#soon = true;
        this.#body = [messagePiece("Collecting data...")];
      } else this.#ask(mode.dialog);
      if (this.#mode.kind === "dialog") this.#mode.message = fault ?? "";
    } else if (Array.from(key).length === 1) mode.typed += key;
  }
}
