// SPDX-License-Identifier: MIT
// The intervals of a session, pulled by their consumer: `for await (const interval of intervals(session, plan))`.
import { checkOptions } from "./check";
import type { Time } from "./measure/time";
import { type Reading, diff } from "./measure/reading";
import type { Session } from "./session";

/** What ends a walk through intervals. */
export interface Ending {
  readonly stopped: boolean;
  /** Waits so many ms, or until it is stopped, or until `earlier` resolves. */
  wait(ms: number, earlier?: Promise<void>): Promise<void>;
}

/** When looks at a session are due, and when they end. */
export interface Pace {
  /** Between two intervals; Infinity unless given: one, at the end. */
  readonly intervalMs?: number;
  /** How many intervals there are at most. */
  readonly count?: number;
  /** After which the walk ends. */
  readonly durationMs?: number;
  /** Ends the walk. */
  readonly end?: Ending | AbortSignal;
  /** Resolves when an interval is wanted, whatever `intervalMs` is: a key was pressed, somebody asks. Called for each. */
  readonly asked?: () => Promise<unknown>;
  /** Whether another interval can be taken; until it can, the current one goes on. */
  readonly ready?: () => boolean;
}

/** Which intervals to walk through. */
export interface Plan<R = Reading> extends Pace {
  /** The reading that the first interval begins with; that of the session's opening unless given. */
  readonly from?: R;
  /** Between two looks for vCPUs that ended and for names of VMs; 1000 unless given. */
  readonly lookMs?: number;
  /** Called after each look. */
  readonly looked?: () => void;
}

/** What happened in an interval. */
export interface Interval extends Reading, Time {}

/** What can be walked through: a session whose readings only ever grow. */
export interface Readable<R> {
  readonly opened: R;
  read(): R;
  collect(): unknown;
  stop(): void;
}

const PLAN: Readonly<Record<keyof Plan, true>> = {
  intervalMs: true,
  count: true,
  durationMs: true,
  end: true,
  asked: true,
  ready: true,
  from: true,
  lookMs: true,
  looked: true,
};

// So often accounts of vCPUs that ended are given back: a churn of 1,000 VMs a second fits.
const LOOK_MS = 1000;
// Timers may fire a little early.
const EARLY_MS = 1;
// setTimeout() takes 31 bits.
const MAX_MS = 2 ** 31 - 1;

function endingOf(signal: AbortSignal | undefined): Ending {
  return {
    get stopped() {
      return signal?.aborted === true;
    },
    wait: (ms, earlier) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", done);
          resolve();
        };
        const timer = setTimeout(done, Math.min(ms, MAX_MS));
        signal?.addEventListener("abort", done);
        void earlier?.then(done);
        if (signal?.aborted) done();
      }),
  };
}

/** What a pace says ends it. */
export function endOf({ end }: Pace): Ending {
  return end && "wait" in end ? end : endingOf(end);
}

/**
 * The intervals of a session, each when it has ended. The last one comes when the plan ends: the programs are detached
 * then. The caller closes the session.
 * @throws UsageError for an unknown option
 */
export function intervals(session: Session, plan: Plan = {}): AsyncGenerator<Interval, void, void> {
  return walk("intervals", session, plan, diff);
}

/** As intervals(), of any session. @param between what happened between two readings */
export async function* walk<R>(
  call: string,
  session: Readable<R>,
  plan: Plan<R>,
  between: (previous: R, next: R) => R,
): AsyncGenerator<R & Pick<Time, "final">, void, void> {
  checkOptions(call, plan, PLAN);
  const { intervalMs = Infinity, count = Infinity, durationMs = Infinity, lookMs = LOOK_MS } = plan;
  const end = endOf(plan);
  const begin = performance.now();
  const endAt = begin + durationMs;
  let dueAt = begin + intervalMs;
  let previous = plan.from ?? session.opened;
  const wish = { asked: false };
  const ask = () =>
    plan.asked?.().then(() => {
      wish.asked = true;
    });
  let asking = ask();
  for (let number = 1; ;) {
    await end.wait(
      Math.max(0, Math.min(dueAt - performance.now(), endAt - performance.now(), lookMs)),
      asking,
    );
    const now = performance.now() + EARLY_MS;
    const wanted = wish.asked || now >= dueAt;
    if (end.stopped || now >= endAt || (wanted && number >= count)) break;
    // After a pause, or while another cannot be taken, one interval covers those that were missed.
    const next = wanted && plan.ready?.() !== false ? session.read() : undefined;
    if (!next) session.collect();
    plan.looked?.();
    if (now >= dueAt) dueAt += (1 + Math.floor((now - dueAt) / intervalMs)) * intervalMs;
    if (!next) continue;
    if (wish.asked) {
      wish.asked = false;
      asking = ask();
    }
    number++;
    const interval = { ...between(previous, next), final: false };
    previous = next;
    yield interval;
  }
  session.stop();
  const last = session.read();
  plan.looked?.();
  yield { ...between(previous, last), final: true };
}
