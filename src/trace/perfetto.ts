// Writes turns as a timeline in the Trace Event Format, JSON that ui.perfetto.dev and chrome://tracing open.
import { reasonLabel } from "../reasons";
import { EVENT } from "./events";
import { codeName } from "./exit_name";
import type { Detail, Summary, Thread, Turn } from "./turns";

const EVENT_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(EVENT).map(([name, event]) => [event, name]),
);

function hexadecimal(words: readonly number[]): string {
  return words.map((word) => `0x${word.toString(16)}`).join(" ");
}

/** Makes the JSON piece by piece: begin(), then turn() for each, then end(). */
export class Timeline {
  private readonly threads = new Set<Thread>();
  private readonly processes = new Set<number>();
  private first = true;

  /** What the JSON begins with. */
  begin(): string {
    return `{"displayTimeUnit":"ns","traceEvents":[`;
  }

  /** The slices of one turn: the guest before the exit, the exit, and in it the time in user space. */
  turn(turn: Turn, nsPerTick: number): string {
    const { entered, exited, returned, ended } = turn;
    const at = (ticks: number) => (ticks * nsPerTick) / 1000;
    let text = this.describe(turn.thread);
    if (entered !== undefined) text += this.slice(turn, "guest", at(entered), at(exited), {});
    // Of an exit without an entry only its beginning is known.
    text += this.slice(turn, codeName(turn.isa, turn.code), at(exited), at(ended ?? exited), {
      level: turn.level,
      rip: `0x${((BigInt(turn.ripHigh) << 32n) | BigInt(turn.ripLow)).toString(16)}`,
      code: reasonLabel(turn.code),
      ...(ended === undefined ? { unfinished: true } : {}),
      ...this.details(turn.details),
    });
    if (returned !== undefined && ended !== undefined)
      text += this.slice(turn, "user space", at(returned), at(ended), {});
    return text;
  }

  /** What the JSON ends with. */
  end({ lost, startMs }: Pick<Summary, "lost" | "startMs">): string {
    const started = startMs > 0 ? { started: new Date(startMs).toISOString() } : {};
    return `\n],"otherData":${JSON.stringify({ lost: lost ?? "unknown", ...started })}}\n`;
  }

  private event(event: Record<string, unknown>): string {
    const separator = this.first ? "\n" : ",\n";
    this.first = false;
    return separator + JSON.stringify(event);
  }

  /** Times in microseconds, whose fractions tell nanoseconds. */
  private slice(turn: Turn, name: string, from: number, to: number, args: object): string {
    const { pid } = turn.thread;
    const [ts, dur] = [from, to - from].map((us) => Math.round(us * 1000) / 1000);
    return this.event({ ph: "X", name, cat: "kvm", pid, tid: this.tidOf(turn.thread), ts, dur, args });
  }

  private tidOf({ tid, vcpu }: Thread): number {
    return tid === 0 ? vcpu : tid;
  }

  /** Names a thread and its process when they are seen first. */
  private describe(thread: Thread): string {
    if (this.threads.has(thread)) return "";
    this.threads.add(thread);
    const { pid, vcpu } = thread;
    const tid = this.tidOf(thread);
    const meta = (name: string, args: object) => this.event({ ph: "M", name, pid, tid, args });
    let text = "";
    if (!this.processes.has(pid)) text += meta("process_name", { name: `VM ${pid}` });
    this.processes.add(pid);
    text += meta("thread_name", { name: `vCPU ${vcpu}` });
    return text + meta("thread_sort_index", { sort_index: vcpu });
  }

  private details(details: readonly Detail[]): Record<string, string> {
    const args: Record<string, string> = {};
    for (const [index, { event, words }] of details.entries()) {
      const name = EVENT_NAMES.get(event) ?? `event 0x${event.toString(16)}`;
      args[name in args ? `${name} ${index}` : name] = hexadecimal(words);
    }
    return args;
  }
}
