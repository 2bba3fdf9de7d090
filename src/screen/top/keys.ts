// SPDX-License-Identifier: MIT
// What each key of top's screen does, as the screen and both helps read it.

/** What a key can have the screen do. */
export interface Actions {
  up(): void;
  down(): void;
  pageUp(): void;
  pageDown(): void;
  first(): void;
  last(): void;
  into(): void;
  back(): void;
  sortLeft(): void;
  sortRight(): void;
  reverse(): void;
  askReason(): void;
  askVm(): void;
  clearFilters(): void;
  toggleIdle(): void;
  toggleNested(): void;
  toggleAbsolute(): void;
  reset(): void;
  nextUnit(): void;
  pause(): void;
  askDelay(): void;
  askFile(): void;
  help(): void;
  quit(): void;
}

interface Key {
  /** As the terminal names them; all do the same. */
  readonly keys: readonly string[];
  /** What help calls them. */
  readonly label: string;
  readonly meaning: string;
  readonly act: keyof Actions;
}

/** In the order of the help. Those of kvm_stat and of top have their meaning. */
export const KEYS: readonly Key[] = [
  { keys: ["up", "k"], label: "Up, k", meaning: "to the row above or below", act: "up" },
  { keys: ["down", "j"], label: "Down, j", meaning: "to the row above or below", act: "down" },
  { keys: ["pageup"], label: "PgUp", meaning: "a page up or down", act: "pageUp" },
  { keys: ["pagedown"], label: "PgDn", meaning: "a page up or down", act: "pageDown" },
  { keys: ["home"], label: "Home", meaning: "to the first or the last row", act: "first" },
  { keys: ["end"], label: "End", meaning: "to the first or the last row", act: "last" },
  {
    keys: ["enter", "right"],
    label: "Enter, Right",
    meaning: "into the row: vCPUs, reasons, details, times",
    act: "into",
  },
  {
    keys: ["backspace", "left", "escape"],
    label: "Backspace, Left",
    meaning: "back to the table before",
    act: "back",
  },
  { keys: ["<"], label: "<", meaning: "sort by the column to the left or right", act: "sortLeft" },
  { keys: [">"], label: ">", meaning: "sort by the column to the left or right", act: "sortRight" },
  { keys: ["R"], label: "R", meaning: "reverse the order", act: "reverse" },
  {
    keys: ["f"],
    label: "f",
    meaning: "only reasons (or details of one) with this, or like MSR*",
    act: "askReason",
  },
  {
    keys: ["g", "p"],
    label: "g, p",
    meaning: "only VMs with this in their name, like web-*, or this pid",
    act: "askVm",
  },
  { keys: ["c"], label: "c", meaning: "clear the filters", act: "clearFilters" },
  { keys: ["i"], label: "i", meaning: "show or hide idle exits, such as HLT", act: "toggleIdle" },
  { keys: ["2"], label: "2", meaning: "show or hide the exits of nested guests", act: "toggleNested" },
  {
    keys: ["a"],
    label: "a",
    meaning: "counts since the start or since r, or a second",
    act: "toggleAbsolute",
  },
  { keys: ["r"], label: "r", meaning: "begin these counts again", act: "reset" },
  { keys: ["u"], label: "u", meaning: "times in ns, us or ms", act: "nextUnit" },
  { keys: [" "], label: "Space", meaning: "pause, or go on", act: "pause" },
  { keys: ["s", "d"], label: "s, d", meaning: "seconds between two updates", act: "askDelay" },
  { keys: ["w"], label: "w", meaning: "add what is shown to a file, as lines of JSON", act: "askFile" },
  { keys: ["?", "h"], label: "?, h", meaning: "all keys", act: "help" },
  { keys: ["q", "interrupt"], label: "q, Ctrl-C", meaning: "quit", act: "quit" },
];

/** A label and a meaning for each key, and one for two that belong together. */
export function keyLines(): (readonly [label: string, meaning: string])[] {
  const labels = new Map<string, string>();
  for (const { label, meaning } of KEYS) {
    const before = labels.get(meaning);
    labels.set(meaning, before === undefined ? label : `${before}, ${label}`);
  }
  return [...labels].map(([meaning, label]) => [label, meaning] as const);
}

/** The same as lines of 80 columns. */
export function keyHelp(): string[] {
  const lines = keyLines();
  const width = Math.max(...lines.map(([label]) => label.length));
  return lines.map(([label, meaning]) => `  ${label.padEnd(width)}  ${meaning}`);
}
