// SPDX-License-Identifier: MIT
// kvm-stat's screen: keys and time drive the model, whose frames the terminal draws.
import { ToolError } from "../../src/errors";
import { Interactive, type ProcessSource } from "../../src/stat/interactive";
import type { Statistics } from "../../src/stat/statistics";
import type { Stop } from "../lib/stop";
import { Terminal, screenFault } from "../lib/terminal";

/**
 * Shows the statistics until q, Ctrl-C, the end of the terminal, or until it is stopped.
 * @param delay seconds between refreshes
 */
export async function showStatistics(
  statistics: Statistics,
  processes: ProcessSource,
  delay: number,
  stop: Stop,
): Promise<void> {
  const fault = screenFault();
  if (fault !== undefined) throw new ToolError(`${fault}; without one use -1, -l or -L FILE`);
  const screen = new Interactive(statistics, processes, delay);
  let timer: NodeJS.Timeout | undefined;
  let failure: Error | undefined;
  const now = (): number => performance.now() / 1000;
  // What fails in a key or a timer ends the screen, and is printed once the terminal is given back.
  const guarded = (work: () => void): void => {
    try {
      work();
      terminal.draw(screen.frame(terminal.size));
      clearTimeout(timer);
      if (screen.waitMs !== undefined) timer = setTimeout(refresh, screen.waitMs);
    } catch (error) {
      failure ??= error instanceof Error ? error : new Error(String(error));
      stop.stop();
    }
  };
  const refresh = (): void => {
    guarded(() => {
      screen.refresh(now(), terminal.size);
    });
  };
  const terminal = new Terminal(
    (key) => {
      guarded(() => {
        if (!screen.key(key, now(), terminal.size)) stop.stop();
      });
    },
    refresh,
    () => {
      stop.stop();
    },
  );
  try {
    terminal.draw(screen.frame(terminal.size));
    refresh();
    await stop.wait();
  } finally {
    clearTimeout(timer);
    terminal.leave();
  }
  if (failure) throw failure;
}
