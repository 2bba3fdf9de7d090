// SPDX-License-Identifier: MIT
// top's screen: keys and time drive the model, whose frames the terminal draws.
import { ToolError } from "../../src/errors";
import { nextDue } from "../../src/screen/top/questions";
import { type Options, Top } from "../../src/screen/top/top";
import type { Stop } from "../lib/stop";
import type { TopSession } from "./session";
import { Terminal, screenFault } from "../lib/terminal";

/** The first numbers come soon. */
const FIRST_MS = 300;
/** So often accounts of vCPUs that ended are given back, however long the interval is. */
const LOOK_MS = 1000;

/** @throws ToolError where there is no terminal that can be a screen */
export function requireScreen(): void {
  const fault = screenFault();
  if (fault !== undefined) throw new ToolError(`${fault}; without one use kvm-vmexit time`);
}

/** Whether the locale's encoding is UTF-8: the first of these variables that is set decides. */
export function isUnicode(environment: NodeJS.ProcessEnv): boolean {
  const locale = environment["LC_ALL"] || environment["LC_CTYPE"] || environment["LANG"] || "";
  return /utf-?8/i.test(locale);
}

/**
 * Shows a session until q, Ctrl-C, the end of the terminal, or until it is stopped.
 * @param durationMs after which it ends
 */
export async function showTop(
  session: TopSession,
  options: Options,
  stop: Stop,
  durationMs = Infinity,
): Promise<void> {
  const top = new Top(session.opened, options);
  let timer: NodeJS.Timeout | undefined;
  let failure: Error | undefined;
  let dueAt = performance.now() + FIRST_MS;
  const endAt = performance.now() + durationMs;
  // What fails in a key or a timer ends the screen, and is printed once the terminal is given back.
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      failure ??= error instanceof Error ? error : new Error(String(error));
      stop.stop();
    }
  };
  const draw = () => {
    terminal.draw(top.frame(terminal.size));
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(
      look,
      Math.max(0, Math.min(LOOK_MS, dueAt - performance.now(), endAt - performance.now())),
    );
  };
  const look = () => {
    guarded(() => {
      const now = performance.now();
      if (now >= endAt) stop.stop();
      if (top.paused) dueAt = now + LOOK_MS;
      if (now < dueAt || top.paused) session.collect();
      else {
        top.take(session.read());
        draw();
        dueAt = nextDue(dueAt, 1000 * top.seconds, performance.now());
      }
      wait();
    });
  };
  const terminal = new Terminal(
    (key) => {
      guarded(() => {
        const { paused, seconds } = top;
        if (!top.key(key)) stop.stop();
        // Going on, or another interval: the next reading is so far from here.
        if (paused !== top.paused || seconds !== top.seconds) dueAt = performance.now() + 1000 * top.seconds;
        wait();
        draw();
      });
    },
    () => {
      guarded(draw);
    },
    () => {
      stop.stop();
    },
  );
  try {
    draw();
    wait();
    await stop.wait();
  } finally {
    clearTimeout(timer);
    terminal.leave();
  }
  if (failure) throw failure;
}
