// SPDX-License-Identifier: MIT
// Waiting for the first thing that ends a trace: a signal, the time, the command's end, or output that no reader takes.
import { constants } from "node:os";
import { onOutputEnd, waitingFor } from "./output";

/** Ends once; all that wait for it are told. */
export class Stop {
  readonly #waiting = new Set<() => void>();
  #stopped = false;

  get stopped(): boolean {
    return this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
    for (const wake of this.#waiting) wake();
  }

  /** Waits until it stops, or until `ms` have passed if given, or until something `earlier` if that is given. */
  wait(ms?: number, earlier?: Promise<void>): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      // Without a time this timer only keeps the process alive; setTimeout takes 31 bits of milliseconds.
      const timer = setTimeout(
        () => {
          if (ms === undefined) timer.refresh();
          else wake();
        },
        Math.min(ms ?? Infinity, 2 ** 31 - 1),
      );
      this.#waiting.add(wake);
      void earlier?.then(wake);
    });
  }
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

// How often it is looked at after SIGTERM whether the process can end: a loop that was busy for longer finds one look due.
const LOOK_MS = 100;
// How many looks a reader that takes nothing is waited for.
const UNREAD_LOOKS = 4;
/** How many looks what reads recordings has for printing what it has read: time for a table, not for thousands of them. */
export const LAST_LOOKS = 5;

/** Ends the process by a signal: exit() would wait for writes that wait for their reader. */
function endBy(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/** Ends the process. */
function endAtOnce(signal: NodeJS.Signals): void {
  if (waitingFor().isPending) endBy(signal);
  else process.exit(128 + constants.signals[signal]);
}

/** Ends the process by the signal after so many looks, or once no reader has taken anything for a while of what waits for one. */
function endSoon(signal: NodeJS.Signals, lastLooks: number): void {
  let [last, unread, looks] = [waitingFor().bytes, 0, 0];
  setInterval(() => {
    const { bytes, isPending } = waitingFor();
    unread = isPending && bytes === last ? unread + 1 : 0;
    last = bytes;
    if (unread === UNREAD_LOOKS || ++looks === lastLooks) endBy(signal);
  }, LOOK_MS).unref();
}

/**
 * Stops on the first of `signals` and when output ends; a second signal ends the process at once. SIGTERM, which comes
 * from no user who could send a second one, also ends it when output isn't read.
 * @param lastLooks after SIGTERM the process has so many looks of 100 ms
 */
export function stopOnSignals(
  signals: readonly NodeJS.Signals[] = SIGNALS,
  lastLooks: number = Infinity,
): Stop {
  const stop = new Stop();
  for (const signal of signals)
    process.on(signal, () => {
      if (stop.stopped) endAtOnce(signal);
      stop.stop();
      if (signal === "SIGTERM") endSoon(signal, lastLooks);
    });
  onOutputEnd(() => {
    stop.stop();
  });
  return stop;
}
