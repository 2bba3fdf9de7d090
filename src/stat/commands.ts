// SPDX-License-Identifier: MIT
// What each key of the screen's table does, as the screen, its help and the command line's help read it.
import { DELAY_RANGE } from "./options";

/** What a key can have the screen do. */
export interface Actions {
  toggleGuests(): void;
  clearFilters(): void;
  askFilter(): void;
  askGuest(): void;
  showHelp(): void;
  toggleOrder(): void;
  quit(): void;
  reset(): void;
  askDelay(): void;
  toggleChildren(): void;
}

interface Command {
  readonly key: string;
  /** In kvm_stat's words. */
  readonly meaning: string;
  readonly act: keyof Actions;
}

/** In the help's order; any other key refreshes. */
export const COMMANDS: readonly Command[] = [
  { key: "b", meaning: "toggle events by guests (debugfs only, honors filters)", act: "toggleGuests" },
  { key: "c", meaning: "clear filter", act: "clearFilters" },
  { key: "f", meaning: "filter by regular expression", act: "askFilter" },
  { key: "g", meaning: "filter by guest name/PID", act: "askGuest" },
  { key: "h", meaning: "display interactive commands reference", act: "showHelp" },
  { key: "o", meaning: "toggle sorting order (Total vs CurAvg/s)", act: "toggleOrder" },
  { key: "p", meaning: "filter by guest name/PID", act: "askGuest" },
  { key: "q", meaning: "quit", act: "quit" },
  { key: "r", meaning: "reset stats", act: "reset" },
  { key: "s", meaning: `set delay between refreshs (value range: ${DELAY_RANGE})`, act: "askDelay" },
  {
    key: "x",
    meaning: "toggle reporting of stats for individual child trace events",
    act: "toggleChildren",
  },
];
