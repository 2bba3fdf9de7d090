// SPDX-License-Identifier: MIT
// What was lost on the way from the kernel's events to a reading, in exits, by the way in which it was lost.
import { NO_LOSSES } from "../contract";
import type { Lost } from "../native/vmexit";

export type { Lost };

/** Nothing lost. */
export const NOTHING_LOST: Lost = { ...NO_LOSSES, missedEvents: 0 };

/** The ways of loss, in the order of all outputs. */
export const WAYS_OF_LOSS = Object.keys(NOTHING_LOST) as (keyof Lost)[];

/** All that was lost. */
export function lossesOf(lost: Lost): number {
  return WAYS_OF_LOSS.reduce((sum, way) => sum + lost[way], 0);
}

/** What was lost between two moments. */
export function lostBetween(previous: Lost, next: Lost): Lost {
  const lost: Record<keyof Lost, number> = { ...next };
  for (const way of WAYS_OF_LOSS) lost[way] -= previous[way];
  return lost;
}
