// SPDX-License-Identifier: MIT
// The screen as kvm_stat draws it: pieces of text with their places, made from counts.
import { cellsOf } from "../render/cells";
import { safeText } from "../text";
import { byCodePoint } from "../measure/order";
import { labelOf, parentOf, type Count, type Counts } from "./keys";
import { piece, type Piece } from "../screen/frame";
import { oneDecimal, roundHalfEven } from "../python/numbers";

/** What the first lines say. */
export interface Header {
  /** 0 for all processes. */
  pid: number;
  /** "" if unknown. */
  guest: string;
  /** The field filter, "" if none. */
  regex: string;
  byGuest: boolean;
}

/** How the body orders and shows the counts. */
export interface View {
  sort: "current" | "total";
  children: boolean;
  byGuest: boolean;
  /** How a guest, by its pid, is called. */
  nameOf: (pid: string) => string;
  /** Seconds that the deltas cover. */
  seconds: number;
  /** Rows of the screen. */
  rows: number;
}

const MAX_GUEST_NAME = 48;
const MAX_REGEX = 44;
const FIRST_ROW = 3;
const MESSAGE_ROW = 4;
const DEAD = "   Guest is DEAD   ";

function shortened(text: string, limit: number): string {
  const characters = Array.from(text);
  return characters.length > limit ? `${characters.slice(0, limit).join("")}...` : text;
}

function headline({ pid, guest }: Header): string {
  const name = guest && `(${shortened(guest, MAX_GUEST_NAME)})`;
  return pid > 0 ? `kvm statistics - pid ${String(pid)} ${name}` : "kvm statistics - summary";
}

/** The lines above the body. */
export function headerPieces(header: Header): Piece[] {
  const name = (header.byGuest ? "Guest Name" : "Event").padEnd(40);
  const columns = `${name} ${"Total".padStart(10)}${"%Total".padStart(7)} ${"CurAvg/s".padStart(8)}`;
  const pieces = [piece(0, 0, headline(header), "bold"), piece(2, 1, columns, "standout")];
  if (header.regex) pieces.push(piece(1, 17, `regex filter: ${shortened(header.regex, MAX_REGEX)}`));
  return pieces;
}

/** What covers the headline when the process that was followed has ended. */
export function deadPiece(header: Header): Piece {
  const { length } = cellsOf(safeText(headline(header)));
  return piece(0, Math.min(length, 80 - DEAD.length), DEAD, "alarm");
}

export function messagePiece(text: string): Piece {
  return piece(MESSAGE_ROW, 1, text);
}

type Row = [key: string, count: Count];

/** Parents in their order, each followed by its children in theirs. */
function sorted(counts: Counts, view: View): Row[] {
  const order = ([keyA, a]: Row, [keyB, b]: Row): number =>
    (view.sort === "current" ? b.delta - a.delta : 0) || b.value - a.value || byCodePoint(keyA, keyB);
  const rows = [...counts].filter(([, { value, delta }]) => value !== 0 || delta !== 0).sort(order);
  const childrenOf = new Map<string, Row[]>();
  for (const row of rows) {
    const parent = parentOf(row[0]);
    if (parent !== undefined) childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), row]);
  }
  const parents = rows.filter(([key]) => parentOf(key) === undefined);
  return view.children ? parents.flatMap((row) => [row, ...(childrenOf.get(row[0]) ?? [])]) : parents;
}

/** The sum of all events; of the children, if only they counted. */
function totalOf(counts: Counts): number {
  let total = 0;
  let childTotal = 0;
  for (const [key, { value }] of counts) {
    if (parentOf(key) === undefined) total += value;
    else childTotal += value;
  }
  return total === 0 ? childTotal : total;
}

function rowText(label: string, value: string, percent: string, rate: string): string {
  return `${label.padEnd(40)} ${value.padStart(10)}${percent.padStart(7)} ${rate.padStart(8)}`;
}

/** The table of counts with its sum, or why there is none. */
export function bodyPieces(counts: Counts, view: View): Piece[] {
  const pieces: Piece[] = [];
  const total = totalOf(counts);
  let parentTotal = total;
  let current = 0;
  let removed = false;
  for (const [key, { value, delta }] of sorted(counts, view)) {
    const row = FIRST_ROW + pieces.length;
    if (row >= view.rows - 1) break;
    const rate = roundHalfEven(delta / view.seconds);
    if (rate < 0) {
      removed = true;
      continue;
    }
    const isChild = parentOf(key) !== undefined;
    if (!isChild) {
      current += delta;
      parentTotal = value;
    }
    const whole = isChild ? parentTotal : total;
    const label = view.byGuest ? view.nameOf(key) : isChild ? `  ${labelOf(key)}` : key;
    const percent = oneDecimal(whole === 0 ? 0 : (value * 100) / whole);
    pieces.push(piece(row, 1, rowText(label, String(value), percent, String(rate))));
  }
  if (pieces.length === 0)
    return [messagePiece(removed ? "Guest removed, updating..." : "No matching events reported yet")];
  if (pieces.length > 1) {
    const rate = current > 0 ? String(roundHalfEven(current / view.seconds)) : "";
    pieces.push(piece(FIRST_ROW + pieces.length, 1, rowText("Total", String(total), "", rate), "bold"));
  }
  return pieces;
}

/** A centred message that waits for a key. */
export function noticePieces(lines: readonly string[], columns: number): Piece[] {
  const hint = "Press any key to continue";
  const centred = (text: string): number => Math.max(0, Math.floor((columns - text.length) / 2));
  return [
    ...lines.map((line, index) => piece(2 + index, centred(line), line)),
    piece(3 + lines.length, centred(hint), hint, "standout"),
  ];
}
