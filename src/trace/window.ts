// Puts events that come nearly in the order of time into that order, within a bounded window.
import { EVENT_HEADER_WORDS } from "./encode";

/** How far behind the latest event another may still come: an interrupt between its time stamp and its place. */
const WINDOW_NS = 100e6;
/** Most words held back, whatever their times: 16 MiB. */
const MAX_HELD_WORDS = 1 << 22;

/** Calls back with one event: an array of words and where in it the event begins. */
export type OnEvent = (words: Uint32Array, at: number) => void;

/** Nanoseconds; above 2^53, after 104 days, rounded to a few, which leaves such events in the order they came. */
function timeAt(words: Uint32Array, at: number): number {
  return (words[at + 1] ?? 0) * 2 ** 32 + (words[at] ?? 0);
}

/** Holds events back until none that is earlier can come. */
export class Window {
  private held = new Uint32Array(0);

  constructor(private readonly onEvent: OnEvent) {}

  /** Takes a batch of events as the addon read it, and gives out those that are old enough. */
  add(batch: Uint8Array): void {
    const words = new Uint32Array(this.held.length + batch.length / 4);
    words.set(this.held);
    new Uint8Array(words.buffer).set(batch, 4 * this.held.length);
    const events = sorted(words);
    const newest = events.length > 0 ? timeAt(words, events.at(-1) ?? 0) : 0;
    const until = words.length > MAX_HELD_WORDS ? Infinity : newest - WINDOW_NS;
    let given = 0;
    for (const at of events) {
      if (timeAt(words, at) > until) break;
      this.onEvent(words, at);
      given++;
    }
    this.hold(words, events.slice(given));
  }

  /** Gives out everything. */
  flush(): void {
    for (const at of sorted(this.held)) this.onEvent(this.held, at);
    this.held = new Uint32Array(0);
  }

  private hold(words: Uint32Array, events: readonly number[]): void {
    let size = 0;
    for (const at of events) size += EVENT_HEADER_WORDS + (words[at + 5] ?? 0);
    const held = new Uint32Array(size);
    size = 0;
    for (const at of events) {
      const event = words.subarray(at, at + EVENT_HEADER_WORDS + (words[at + 5] ?? 0));
      held.set(event, size);
      size += event.length;
    }
    this.held = held;
  }
}

/** Where the events begin, in the order of time; events of one time stay in the order they came. */
function sorted(words: Uint32Array): number[] {
  const events: number[] = [];
  for (let at = 0; at < words.length; at += EVENT_HEADER_WORDS + (words[at + 5] ?? 0)) {
    const time = timeAt(words, at);
    let place = events.length;
    while (place > 0 && timeAt(words, events[place - 1] ?? 0) > time) place--;
    if (place === events.length) events.push(at);
    else events.splice(place, 0, at);
  }
  return events;
}
