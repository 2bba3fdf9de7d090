// SPDX-License-Identifier: MIT
// Writes turns as a timeline in the Trace Event Format, JSON that ui.perfetto.dev and chrome://tracing open.
import { safeText } from "../text";
import { reasonLabel } from "../reasons";
import { EVENT, UNKNOWN_VCPU, WORD_NAMES } from "./events";
import { codeName, userspaceName } from "./exit-name";
import type { Summary } from "./summary";
import type { TurnEvent, Thread, Turn } from "./turns";

const EVENT_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(EVENT).map(([name, event]) => [event, name]),
);

/** An event's words by their names: `msr 0x10, data 0x1f`. */
function wordsText({ event, words }: TurnEvent): string {
  const names = WORD_NAMES.get(event) ?? [];
  const texts: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const name = names[i];
    let value = BigInt(words[i] ?? 0);
    // A name that comes twice has 64 bits, the low half first.
    if (name !== undefined && name === names[i + 1]) value |= BigInt(words[++i] ?? 0) << 32n;
    texts.push(`${name === undefined ? "" : `${name} `}0x${value.toString(16)}`);
  }
  return texts.join(", ");
}

/** Why KVM returned to user space. */
function userspaceArgs(events: readonly TurnEvent[]): object {
  const words = events.find(({ event }) => event === EVENT.userspaceExit)?.words;
  if (!words) return {};
  const [reason = 0, errno = 0] = words;
  return { reason: userspaceName(reason), ...(errno === 0 ? {} : { errno: errno | 0 }) };
}

/** Makes the JSON piece by piece: begin(), then turn() for each, then end(). */
export class Timeline {
  /** Threads that have slices, and when the last one ends, in ns. */
  readonly #threads = new Map<Thread, number>();
  readonly #processes = new Set<number>();
  #first = true;

  /** What the JSON begins with. */
  begin(): string {
    return `{"displayTimeUnit":"ns","traceEvents":[`;
  }

  /** The slices of one turn: the guest before the exit, the exit, and in it the time in user space. */
  turn(turn: Turn, nsPerTick: number): string {
    const { thread, events, omitted } = turn;
    let text = this.#describe(thread);
    // Whole ns, in the order of time even where a recording's time stamps aren't: so slices never overlap.
    let last = this.#threads.get(thread) ?? 0;
    const at = (ticks: number) => (last = Math.max(last, Math.round(ticks * nsPerTick)));
    if (turn.entered !== undefined) text += this.#slice(turn, "guest", at(turn.entered), at(turn.exited), {});
    const exited = at(turn.exited);
    const returned = turn.returned === undefined ? undefined : at(turn.returned);
    // Of an exit without an entry only its beginning is known.
    const ended = turn.ended === undefined ? exited : at(turn.ended);
    text += this.#slice(turn, codeName(turn.isa, turn.code), exited, ended, {
      level: turn.level,
      rip: `0x${((BigInt(turn.ripHigh) << 32n) | BigInt(turn.ripLow)).toString(16)}`,
      code: reasonLabel(turn.code),
      ...(turn.ended === undefined ? { unfinished: true } : {}),
      ...this.#events(events),
      ...(omitted > 0 ? { omitted } : {}),
    });
    if (returned !== undefined && turn.ended !== undefined)
      text += this.#slice(turn, "user space", returned, ended, userspaceArgs(events));
    this.#threads.set(thread, last);
    return text;
  }

  /** What the JSON ends with. */
  end({ health, startMs }: Pick<Summary, "health" | "startMs">): string {
    const started = startMs > 0 ? { started: new Date(startMs).toISOString() } : {};
    const { eventsDropped: lost = "unknown", eventsUnwritten: unwritten = "unknown" } = health ?? {};
    return `\n],"otherData":${JSON.stringify({ lost, unwritten, ...started })}}\n`;
  }

  #event(event: Record<string, unknown>): string {
    const separator = this.#first ? "\n" : ",\n";
    this.#first = false;
    return separator + JSON.stringify(event);
  }

  /** A slice from one time in ns to another; the format counts microseconds, whose fractions tell ns. */
  #slice(turn: Turn, name: string, from: number, to: number, args: object): string {
    const { pid } = turn.thread;
    const [ts, dur] = [from / 1000, (to - from) / 1000];
    return this.#event({ ph: "X", name, cat: "kvm", pid, tid: this.#tidOf(turn.thread), ts, dur, args });
  }

  #tidOf({ tid, vcpu }: Thread): number {
    return tid === 0 ? vcpu : tid;
  }

  /** Names a thread and its process when they are seen first. */
  #describe(thread: Thread): string {
    if (this.#threads.has(thread)) return "";
    const { pid, vm, vcpu } = thread;
    const tid = this.#tidOf(thread);
    const known = vcpu !== UNKNOWN_VCPU;
    const meta = (name: string, args: object) => this.#event({ ph: "M", name, pid, tid, args });
    let text = "";
    if (!this.#processes.has(pid))
      text += meta("process_name", {
        name: `VM ${vm.source === "process" ? pid : `${safeText(vm.name)} (${pid})`}`,
      });
    this.#processes.add(pid);
    text += meta("thread_name", { name: known ? `vCPU ${vcpu}` : `thread ${tid}` });
    return text + meta("thread_sort_index", { sort_index: known ? vcpu : tid });
  }

  #events(events: readonly TurnEvent[]): Record<string, string> {
    const args: Record<string, string> = {};
    for (const [index, event] of events.entries()) {
      const name = EVENT_NAMES.get(event.event) ?? `event 0x${event.event.toString(16)}`;
      args[name in args ? `${name} ${index}` : name] = wordsText(event);
    }
    return args;
  }
}
