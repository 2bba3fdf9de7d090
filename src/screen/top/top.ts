// SPDX-License-Identifier: MIT
// top between readings, keys and frames: where the user is, what is shown, and what each key does.
import { byCodePoint } from "../../measure/order";
import { type Reading, diff } from "../../measure/reading";
import type { Sample } from "../../measure/samples";
import { UNITS, type Unit } from "../../render/units";
import { type SplitReading, splitDiff } from "../../split/reading";
import { type Frame, type Size } from "../frame";
import { type Known, type Scale, columnsOf } from "./columns";
import { type State, frameOf, helpLines, lossesOf, pageOf } from "./draw";
import { type Actions, KEYS } from "./keys";
import { MAX_ANSWER, type Question, nameTest, parseDelay, vmTest } from "./questions";
import { ALL, Row, type Shown, type View, clocksOf, rowsOf, samplesOf } from "./rows";

/** A reading of exits, and of where vCPUs' time went if that is measured. */
export interface Both {
  readonly exits: Reading;
  readonly split: SplitReading | undefined;
}

/** How the screen begins. */
export interface Options {
  readonly seconds: number;
  readonly unit: Unit;
  /** Whether exits of vCPUs with nothing to do are shown. */
  readonly idle: boolean;
  /** Whether the terminal shows characters other than ASCII. */
  readonly unicode: boolean;
  /** Whether a reason is shown at all. */
  readonly wants: (reason: number) => boolean;
  /** Of reasons of which only some details are shown: the numbers of these. */
  readonly picks: ReadonlyMap<number, ReadonlySet<number>>;
  /** Whether readings have details. */
  readonly details: boolean;
  /** Said until the first key, such as why something isn't there; "" for nothing. */
  readonly remark: string;
  /** Writes what happened in an interval to a file. @returns what to tell the user */
  readonly write: (path: string, happened: Both, chosen: Chosen) => string;
}

/** What the user chose on the screen. */
export interface Chosen {
  readonly idle: "show" | "hide";
  readonly vm?: string;
  readonly reasons?: string;
  /** Whether reasons have their details. */
  readonly details: boolean;
}

/** What was in a row of late. */
interface Past {
  /** Exits a second, the latest last. */
  readonly values: number[];
  row: Row;
}

/** A table on the way to what is shown, and what was before in each of its rows. */
interface Level {
  readonly view: View;
  /** Key of the row that the cursor is on. */
  selected: string;
  /** The first row that is seen. */
  top: number;
  readonly history: Map<string, Past>;
}

// As many as a line of history has at most.
const MAX_HISTORY = 60;
const FILE = "kvm-vmexit-top.jsonl";
const ALL_VMS: View = { kind: "vms", title: "VMs" };

const levelOf = (view: View): Level => ({
  view,
  selected: ALL,
  top: 0,
  history: new Map<string, Past>(),
});

export class Top implements Actions {
  readonly #options: Options;
  #levels: Level[] = [levelOf(ALL_VMS)];
  #rows: Row[] = [];
  #base: Both;
  #previous: Both;
  #latest: Both;
  #interval: Both;
  #seconds: number;
  #unit: Unit;
  #idle: boolean;
  #nested = false;
  #absolute = false;
  #paused = false;
  #help: number | undefined;
  #ended = false;
  #sort = "exits";
  #reversed = false;
  #vm = "";
  #reason = "";
  #detail = "";
  #question: (Question & { typed: string; fault: string }) | undefined;
  #message: string;
  #size: Size = { rows: 24, columns: 80 };

  /** @param opened the reading that all counts begin with */
  constructor(opened: Both, options: Options) {
    this.#message = options.remark;
    this.#options = options;
    this.#base = this.#previous = this.#latest = this.#interval = opened;
    this.#seconds = options.seconds;
    this.#unit = options.unit;
    this.#idle = options.idle;
    this.#refresh();
  }

  /** Seconds until the next reading is due. */
  get seconds(): number {
    return this.#seconds;
  }

  /** Whether readings aren't wanted. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Takes a reading, cumulative as sessions give it. */
  take(reading: Both): void {
    this.#previous = this.#latest;
    this.#latest = reading;
    this.#interval = this.#between(this.#previous);
    if (this.#interval.exits.exits.size > 0) this.#nested ||= this.#hasNested();
    let rows: Row[] = [];
    for (const level of this.#levels) rows = this.#remember(level);
    // The last level is what is shown: its rows are made once.
    this.#refresh(this.#absolute ? undefined : rows);
  }

  /** Takes a key: a character, or a name such as "enter". @returns false when it ends the screen */
  key(key: string): boolean {
    this.#message = "";
    if (this.#question) this.#type(this.#question, key);
    else if (this.#help !== undefined) this.#turn(key);
    else {
      const known = KEYS.find(({ keys }) => keys.includes(key));
      if (known) this[known.act]();
    }
    if (key === "interrupt") this.#ended = true;
    return !this.#ended;
  }

  frame(size: Size): Frame {
    this.#size = size;
    this.#scroll();
    return frameOf(this.#state, size);
  }

  get #level(): Level {
    return this.#levels.at(-1) ?? levelOf(ALL_VMS);
  }

  get #state(): State {
    const { view, selected, top, history } = this.#level;
    const question = this.#question;
    return {
      path: this.#levels.map((level) => level.view.title),
      view,
      rows: this.#rows,
      selected,
      top,
      history: (key) => history.get(key)?.values ?? [],
      scale: this.#scale,
      known: this.#known,
      details: this.#options.details,
      sort: this.#sortHere,
      reversed: this.#reversed,
      seconds: this.#seconds,
      paused: this.#paused,
      idle: this.#idle,
      filters: [
        ...(this.#vm ? [`VM: ${this.#vm}`] : []),
        ...(this.#reason ? [`reason: ${this.#reason}`] : []),
        ...(this.#isOfReason && this.#detail ? [`detail: ${this.#detail}`] : []),
      ],
      lost: this.#lost,
      waiting: this.#latest === this.#base && this.#latest.exits.number === 0,
      help: this.#help,
      message: this.#message,
      unicode: this.#options.unicode,
      ...(question ? { question } : {}),
    };
  }

  /** What happened since a reading. Only of the reason that is looked at details are told apart: of all they are many. */
  #between({ exits, split }: Both): Both {
    const { view } = this.#level;
    const latest = this.#latest;
    const { picks } = this.#options;
    const detailed = (key: number, { reason }: Sample) => key === view.reason || picks.has(reason);
    return {
      exits: diff(exits, latest.exits, detailed),
      split: split && latest.split && splitDiff(split, latest.split),
    };
  }

  /** What is shown: the last interval, or all since the start. */
  get #shown(): Both {
    return this.#absolute ? this.#between(this.#base) : this.#interval;
  }

  get #scale(): Scale {
    const { durationNs } = this.#absolute
      ? { durationNs: this.#latest.exits.durationNs - this.#base.exits.durationNs }
      : this.#interval.exits;
    return { durationNs, unit: this.#unit, absolute: this.#absolute };
  }

  /** Whether the page is of one reason: of its details, or of times. */
  get #isOfReason(): boolean {
    return this.#level.view.reason !== undefined;
  }

  get #known(): Known {
    return { nested: this.#nested, split: this.#latest.split !== undefined };
  }

  /** Since the start: what is lost stays in sight. */
  get #lost(): string[] {
    const { exits, split } = this.#latest;
    return lossesOf(exits.lost, split?.lost, this.#isOfReason);
  }

  #hasNested(): boolean {
    for (const samples of this.#interval.exits.exits.values())
      for (const { l2 } of samples.values()) if (l2.count > 0) return true;
    return false;
  }

  get #wanted(): Shown {
    return {
      vm: vmTest(this.#vm),
      reason: this.#reason === "" ? undefined : nameTest(this.#reason),
      detail: this.#detail === "" ? undefined : nameTest(this.#detail),
      idle: this.#idle,
      wants: this.#options.wants,
      picks: this.#options.picks,
      details: this.#options.details,
    };
  }

  #rowsOf(view: View, happened: Both): Row[] {
    return rowsOf(view, happened, this.#wanted);
  }

  /** Adds an interval to the history of a table's rows, which it returns; a row without exits for all of it is forgotten. */
  #remember({ view, history }: Level): Row[] {
    const made = this.#rowsOf(view, this.#interval);
    const rows = new Map(made.map((row) => [row.key, row]));
    const seconds = Math.max(this.#interval.exits.durationNs, 1) / 1e9;
    for (const key of new Set([...history.keys(), ...rows.keys()])) {
      const row = rows.get(key);
      const past = history.get(key) ?? (row && { values: [], row });
      if (!past) continue;
      if (row) past.row = row;
      past.values.push((row?.count ?? 0) / seconds);
      if (past.values.length > MAX_HISTORY) past.values.shift();
      if (past.values.some((value) => value > 0)) history.set(key, past);
      else history.delete(key);
    }
    return made;
  }

  /** Makes the rows of the table that is shown, in their order. */
  #refresh(made = this.#rowsOf(this.#level.view, this.#shown)): void {
    const [all, ...rows] = made;
    const present = new Set(rows.map(({ key }) => key));
    // A row stays for as long as its history has something: rows don't come and go with each update.
    for (const [key, { row }] of this.#level.history)
      if (key !== ALL && !present.has(key)) rows.push(new Row(key, row.name, row.into, row.pid));
    const column = columnsOf(this.#level.view.kind, this.#known).find(({ id }) => id === this.#sortHere);
    const values = new Map(rows.map((row) => [row, column?.value(row) ?? -1]));
    const order = (a: Row, b: Row) =>
      (values.get(b) ?? 0) - (values.get(a) ?? 0) || byCodePoint(a.name, b.name);
    rows.sort(order);
    if (this.#reversed) rows.reverse();
    this.#rows = all ? [all, ...rows] : rows;
  }

  get #cursor(): number {
    return Math.max(
      0,
      this.#rows.findIndex(({ key }) => key === this.#level.selected),
    );
  }

  #move(by: number): void {
    const at = Math.min(this.#rows.length - 1, Math.max(0, this.#cursor + by));
    this.#level.selected = this.#rows[at]?.key ?? ALL;
  }

  /** How many rows are seen at a time. */
  get #page(): number {
    const state = { view: this.#level.view, rows: this.#rows, known: this.#known, lost: this.#lost };
    return pageOf(state, this.#size);
  }

  /** Keeps the cursor in sight. */
  #scroll(): void {
    const level = this.#level;
    const page = this.#page;
    const cursor = this.#cursor;
    const last = Math.max(0, this.#rows.length - page);
    level.top = Math.min(Math.max(level.top, cursor - page + 1), cursor, last);
  }

  up(): void {
    this.#move(-1);
  }

  down(): void {
    this.#move(1);
  }

  pageUp(): void {
    this.#move(-this.#page);
  }

  pageDown(): void {
    this.#move(this.#page);
  }

  first(): void {
    this.#move(-Infinity);
  }

  last(): void {
    this.#move(this.#rows.length);
  }

  into(): void {
    const view = this.#rows[this.#cursor]?.into;
    if (!view || this.#level.view.kind === "times") return;
    const level = levelOf(view);
    this.#levels.push(level);
    this.#interval = this.#between(this.#previous);
    this.#remember(level);
    this.#refresh();
  }

  back(): void {
    if (this.#levels.length === 1) return;
    this.#levels.pop();
    if (!this.#isOfReason) this.#detail = "";
    this.#interval = this.#between(this.#previous);
    this.#refresh();
  }

  /** What rows are sorted by: what was chosen or, where the table doesn't have it, their exits. */
  get #sortHere(): string {
    const ids = ["name", ...columnsOf(this.#level.view.kind, this.#known).map(({ id }) => id)];
    return ids.includes(this.#sort) ? this.#sort : "exits";
  }

  #sortBy(step: number): void {
    const ids = ["name", ...columnsOf(this.#level.view.kind, this.#known).map(({ id }) => id)];
    const at = ids.indexOf(this.#sortHere);
    this.#sort = ids[Math.min(ids.length - 1, Math.max(0, at + step))] ?? "exits";
    this.#refresh();
  }

  sortLeft(): void {
    this.#sortBy(-1);
  }

  sortRight(): void {
    this.#sortBy(1);
  }

  reverse(): void {
    this.#reversed = !this.#reversed;
    this.#refresh();
  }

  #ask(question: Question): void {
    this.#question = { ...question, fault: "" };
  }

  /** The history is that of what is shown. */
  #filter(): void {
    for (const level of this.#levels) {
      level.history.clear();
      this.#remember(level);
    }
    this.#refresh();
  }

  /** Of reasons or, on the page of one, of its details. */
  askReason(): void {
    if (this.#isOfReason) {
      this.#ask({
        prompt: "Details with: ",
        typed: this.#detail,
        answer: (text) => {
          this.#detail = text;
          this.#filter();
          return undefined;
        },
      });
      return;
    }
    this.#ask({
      prompt: "Reasons with: ",
      typed: this.#reason,
      answer: (text) => {
        this.#reason = text;
        this.#filter();
        return undefined;
      },
    });
  }

  askVm(): void {
    this.#ask({
      prompt: "VMs with name or pid: ",
      typed: this.#vm,
      answer: (text) => {
        this.#vm = text;
        this.#filter();
        return undefined;
      },
    });
  }

  clearFilters(): void {
    this.#vm = this.#reason = this.#detail = "";
    this.#filter();
  }

  toggleIdle(): void {
    this.#idle = !this.#idle;
    this.#filter();
  }

  toggleNested(): void {
    this.#nested = !this.#nested;
  }

  toggleAbsolute(): void {
    this.#absolute = !this.#absolute;
    this.#refresh();
  }

  reset(): void {
    this.#base = this.#latest;
    this.#refresh();
  }

  nextUnit(): void {
    this.#unit = UNITS[(UNITS.indexOf(this.#unit) + 1) % UNITS.length] ?? "ns";
  }

  pause(): void {
    this.#paused = !this.#paused;
  }

  askDelay(): void {
    this.#ask({
      prompt: "Seconds between updates: ",
      typed: String(this.#seconds),
      answer: (text) => {
        const seconds = parseDelay(text.trim());
        if (typeof seconds === "string") return seconds;
        this.#seconds = seconds;
        return undefined;
      },
    });
  }

  askFile(): void {
    this.#ask({
      prompt: "Add to file: ",
      typed: FILE,
      answer: (text) => {
        this.#message = this.#options.write(text, this.#written(), {
          idle: this.#idle ? "show" : "hide",
          ...(this.#vm ? { vm: this.#vm } : {}),
          ...(this.#reason ? { reasons: this.#reason } : {}),
          details: this.#options.details && this.#isOfReason,
        });
        return undefined;
      },
    });
  }

  /** What is shown, as a reading: vCPUs, reasons and details of the page and of the filters. */
  #written(): Both {
    const { exits, split } = this.#shown;
    const { view } = this.#level;
    const wanted = this.#wanted;
    return {
      exits: { ...exits, exits: samplesOf(view, exits, wanted) },
      split: split && { ...split, clocks: clocksOf(view, split, wanted) },
    };
  }

  help(): void {
    this.#help = 0;
  }

  /** A key while there is help: to another page of it, or back. */
  #turn(key: string): void {
    const room = Math.max(1, this.#size.rows - 2);
    const last = Math.max(0, helpLines(this.#size).length - room);
    const steps: Readonly<Record<string, number>> = {
      down: 1,
      up: -1,
      pagedown: room,
      " ": room,
      pageup: -room,
    };
    const step = steps[key];
    this.#help =
      step === undefined || last === 0 ? undefined : Math.min(last, Math.max(0, (this.#help ?? 0) + step));
  }

  quit(): void {
    this.#ended = true;
  }

  #type(question: Question & { typed: string; fault: string }, key: string): void {
    if (key === "escape") this.#question = undefined;
    else if (key === "backspace") question.typed = Array.from(question.typed).slice(0, -1).join("");
    else if (key === "kill") question.typed = "";
    else if (key === "enter") {
      const fault = question.answer(question.typed);
      if (fault === undefined) this.#question = undefined;
      else question.fault = fault;
    } else if (Array.from(key).length === 1 && question.typed.length < MAX_ANSWER) question.typed += key;
  }
}
