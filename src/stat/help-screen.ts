// The keys, as the help screen and the command line's help tell them.
import { DELAY_RANGE } from "./options";
import { piece, type Piece } from "./screen";

/** What each key does, with kvm_stat's words on its help screen. */
const KEYS: readonly [key: string, meaning: string][] = [
  ["b", "toggle events by guests (debugfs only, honors filters)"],
  ["c", "clear filter"],
  ["f", "filter by regular expression"],
  ["g", "filter by guest name/PID"],
  ["h", "display interactive commands reference"],
  ["o", "toggle sorting order (Total vs CurAvg/s)"],
  ["p", "filter by guest name/PID"],
  ["q", "quit"],
  ["r", "reset stats"],
  ["s", `set delay between refreshs (value range: ${DELAY_RANGE})`],
  ["x", "toggle reporting of stats for individual child trace events"],
];

export function keyLines(): string[] {
  return [
    ...KEYS.map(([key, meaning]) => `   ${key}     ${meaning}`),
    "Any other key refreshes statistics immediately",
  ];
}

export function helpPieces(): Piece[] {
  return [
    piece(0, 0, "Interactive commands reference", "bold"),
    piece(2, 0, "Press any key to exit", "standout"),
    ...keyLines().map((line, index) => piece(4 + index, 0, line)),
  ];
}
