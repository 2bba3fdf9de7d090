// Pairs a recording's exits with the entries that follow them on the same thread: the turns of its vCPUs.
import { EVENT, THREAD_WORD } from "./events";
import { EXIT_WORDS } from "./exit_name";
import type { TraceRecord } from "./reader";

/** An event between an exit and its entry: its id, its time and its data words but the thread's id. */
export interface Detail {
  readonly event: number;
  readonly time: number;
  readonly words: readonly number[];
}

/** One vCPU thread of a recording. */
export interface Thread {
  readonly pid: number;
  /** 0 in kvmtrace's own recordings, which tell threads apart by process and vCPU only. */
  readonly tid: number;
  vcpu: number;
}

/** From an exit to the entry after it; times in ticks since the recording's first time stamp. */
export interface Turn {
  readonly thread: Thread;
  readonly isa: number;
  /** The reason as the kernel's 32 bits. */
  readonly code: number;
  readonly ripLow: number;
  readonly ripHigh: number;
  level: 1 | 2;
  /** When the guest was entered before; undefined if that isn't in the recording. */
  readonly entered: number | undefined;
  readonly exited: number;
  /** When KVM returned to user space on the way. */
  returned: number | undefined;
  /** The entry; undefined if none followed. */
  ended: number | undefined;
  readonly details: Detail[];
}

/** What a recording says about itself. */
export interface Summary {
  /** Whether `kvm-trace record` wrote it. */
  ours: boolean;
  /** Ticks per microsecond, 0 if the recording doesn't tell. */
  ticksPerUs: number;
  /** When it began, in ms since 1970; 0 if it doesn't tell. */
  startMs: number;
  /** Events lost; undefined if it has no end. */
  lost: number | undefined;
  /** Ticks from the first time stamp to the last. */
  ticks: number;
}

/** Details kept of one turn: an exit that is handled for long may see any number of events. */
const MAX_DETAILS = 16;

interface State {
  thread: Thread;
  turn: Turn | undefined;
  entered: number | undefined;
}

/** Takes records one by one and gives out turns as they end. Memory grows with the number of threads only. */
export class Turns {
  readonly summary: Summary = { ours: false, ticksPerUs: 0, startMs: 0, lost: undefined, ticks: 0 };
  private readonly states = new Map<number, State>();
  private readonly latest = new Map<number, State>();
  private firstHigh = 0;
  private firstLow = 0;
  private begun = false;

  /**
   * @param isa the instruction set of recordings that don't tell: VMEXIT_ISA_* of bpf/vmexit.h
   * @param onTurn takes a turn for its own
   */
  constructor(
    private readonly isa: number,
    private readonly onTurn: (turn: Turn) => void,
  ) {}

  record(record: TraceRecord): void {
    const { event } = record;
    if (event === EVENT.recording) this.recording(record);
    else if (event === EVENT.end)
      this.summary.lost = (this.summary.lost ?? 0) + record.word(0) + record.word(1) * 2 ** 32;
    else if (event === EVENT.exit) this.exit(record);
    else if (event === EVENT.entry) this.entry(record);
    else this.detail(record);
  }

  /** Gives out the turns still open, as ones without an entry. */
  end(): void {
    for (const state of this.states.values()) this.close(state, undefined);
  }

  private recording(record: TraceRecord): void {
    this.summary.ours = true;
    this.summary.ticksPerUs = record.word(1);
    this.summary.startMs ||= record.word(2) + record.word(3) * 2 ** 32;
  }

  /** Ticks since the first time stamp. */
  private time(record: TraceRecord): number {
    if (!record.timed) return this.summary.ticks;
    if (!this.begun) {
      this.begun = true;
      this.firstHigh = record.timeHigh;
      this.firstLow = record.timeLow;
    }
    const ticks = (record.timeHigh - this.firstHigh) * 2 ** 32 + (record.timeLow - this.firstLow);
    this.summary.ticks = Math.max(this.summary.ticks, ticks);
    return ticks;
  }

  private state(record: TraceRecord): State | undefined {
    const word = this.summary.ours ? THREAD_WORD.get(record.event) : undefined;
    const tid = word === undefined ? 0 : record.word(word);
    if (this.summary.ours && tid === 0) return this.byVcpu(record);
    // A process has fewer than 65,536 vCPUs; 2^22 processes times that is exact.
    const key = this.summary.ours ? tid : record.pid * 65536 + record.vcpu;
    let state = this.states.get(key);
    if (!state) {
      const thread = { pid: record.pid, tid, vcpu: record.vcpu };
      this.states.set(key, (state = { thread, turn: undefined, entered: undefined }));
    }
    state.thread.vcpu = record.vcpu;
    return state;
  }

  /** The thread of the latest exit of a vCPU of that number: for CPUID, which has no room for the thread. */
  private byVcpu({ pid, vcpu }: TraceRecord): State | undefined {
    return this.latest.get(pid * 65536 + vcpu);
  }

  private exit(record: TraceRecord): void {
    const state = this.state(record);
    if (!state) return;
    this.close(state, undefined);
    this.latest.set(record.pid * 65536 + record.vcpu, state);
    state.turn = {
      thread: state.thread,
      isa: record.count > EXIT_WORDS.isa ? record.word(EXIT_WORDS.isa) : this.isa,
      code: record.word(EXIT_WORDS.code),
      ripLow: record.word(EXIT_WORDS.ripLow),
      ripHigh: record.count > EXIT_WORDS.ripHigh ? record.word(EXIT_WORDS.ripHigh) : 0,
      level: 1,
      entered: state.entered,
      exited: this.time(record),
      returned: undefined,
      ended: undefined,
      details: [],
    };
    state.entered = undefined;
  }

  private entry(record: TraceRecord): void {
    const state = this.state(record);
    if (!state) return;
    const time = this.time(record);
    this.close(state, time);
    state.entered = time;
  }

  private detail(record: TraceRecord): void {
    const time = this.time(record);
    const turn = this.state(record)?.turn;
    if (!turn) return;
    if (record.event === EVENT.fromL2) turn.level = 2;
    else if (record.event === EVENT.userspaceExit) turn.returned ??= time;
    if (turn.details.length >= MAX_DETAILS) return;
    const threadWord = this.summary.ours ? THREAD_WORD.get(record.event) : undefined;
    const words = Array.from({ length: threadWord ?? record.count }, (_, index) => record.word(index));
    turn.details.push({ event: record.event, time, words });
  }

  private close(state: State, time: number | undefined): void {
    const { turn } = state;
    if (!turn) return;
    turn.ended = time;
    state.turn = undefined;
    this.onTurn(turn);
  }
}
