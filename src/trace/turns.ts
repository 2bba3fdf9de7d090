// Pairs a recording's exits with the entries that follow them on the same thread: the turns of its vCPUs.
import { EVENT, THREAD_WORD } from "./events";
import { EXIT_WORDS } from "./exit-name";
import type { TraceRecord } from "./reader";
import { Summary } from "./summary";

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
  /** The entry; undefined if none followed, or one whose time stamp is damaged. */
  ended: number | undefined;
  readonly details: Detail[];
  /** How many events besides the details there were. */
  omitted: number;
}

/** Details kept of one turn: an exit that is handled for long may see any number of events. */
const MAX_DETAILS = 16;

interface State {
  thread: Thread;
  turn: Turn | undefined;
  entered: number | undefined;
}

/** Threads that may be told apart by their numbers, and whose exits pair with their entries. */
class Machine {
  /** By thread id, or by process and vCPU. */
  readonly states = new Map<number, State>();
  /** By process and vCPU: the thread of the latest exit. */
  readonly latest = new Map<number, State>();

  /** @param ours whether `kvm-trace record` wrote the recording: its records tell the thread */
  constructor(readonly ours: boolean) {}
}

/** A process has fewer than 65,536 vCPUs; 2^22 processes times that is exact. */
function vcpuKey({ pid, vcpu }: TraceRecord): number {
  return pid * 65536 + vcpu;
}

/** Takes records one by one and gives out turns as they end. Memory grows with the number of threads only. */
export class Turns {
  readonly summary = new Summary();
  /** kvmtrace's recordings, one for each CPU, are of one machine; each of ours stands for itself. */
  readonly #shared = new Machine(false);
  readonly #own = new Map<number, Machine>();
  #machine = this.#shared;
  readonly #isa: number;
  readonly #onTurn: (turn: Turn) => void;

  /**
   * @param isa the instruction set of recordings that don't tell: VMEXIT_ISA_* of bpf/contract/vmexit.h
   * @param onTurn takes a turn for its own
   */
  constructor(isa: number, onTurn: (turn: Turn) => void) {
    this.#isa = isa;
    this.#onTurn = onTurn;
  }

  /** @param source which of the recordings the record is from */
  record(record: TraceRecord, source = 0): void {
    const { event } = record;
    this.#machine = this.#own.get(source) ?? this.#shared;
    if (event === EVENT.recording) {
      this.#closeAll(this.#machine);
      this.#own.set(source, new Machine(true));
      this.summary.begin(record);
    } else if (event === EVENT.end) {
      this.#closeAll(this.#machine);
      this.summary.end(record);
    } else if (event === EVENT.exit) this.#exit(record);
    else if (event === EVENT.entry) this.#entry(record);
    else this.#detail(record);
  }

  /** Gives out the turns still open, as ones without an entry. */
  end(): void {
    for (const machine of [this.#shared, ...this.#own.values()]) this.#closeAll(machine);
  }

  #state(record: TraceRecord): State | undefined {
    const { ours, states, latest } = this.#machine;
    const word = ours ? THREAD_WORD.get(record.event) : undefined;
    const tid = word === undefined ? 0 : record.word(word);
    // CPUID has no room for the thread.
    if (ours && tid === 0) return latest.get(vcpuKey(record));
    const key = ours ? tid : vcpuKey(record);
    let state = states.get(key);
    if (!state) {
      const thread = { pid: record.pid, tid, vcpu: record.vcpu };
      states.set(key, (state = { thread, turn: undefined, entered: undefined }));
    }
    state.thread.vcpu = record.vcpu;
    return state;
  }

  #exit(record: TraceRecord): void {
    const state = this.#state(record);
    if (!state) return;
    this.#close(state, undefined);
    this.#machine.latest.set(vcpuKey(record), state);
    state.turn = {
      thread: state.thread,
      isa: record.count > EXIT_WORDS.isa ? record.word(EXIT_WORDS.isa) : this.#isa,
      code: record.word(EXIT_WORDS.code),
      ripLow: record.word(EXIT_WORDS.ripLow),
      ripHigh: record.count > EXIT_WORDS.ripHigh ? record.word(EXIT_WORDS.ripHigh) : 0,
      level: 1,
      entered: state.entered,
      exited: this.summary.time(record),
      returned: undefined,
      ended: undefined,
      details: [],
      omitted: 0,
    };
    state.entered = undefined;
  }

  #entry(record: TraceRecord): void {
    const state = this.#state(record);
    if (!state) return;
    const time = this.summary.time(record);
    this.#close(state, time);
    state.entered = time;
  }

  #detail(record: TraceRecord): void {
    const time = this.summary.time(record);
    const turn = this.#state(record)?.turn;
    if (!turn) return;
    if (record.event === EVENT.fromL2) turn.level = 2;
    else if (record.event === EVENT.userspaceExit) turn.returned ??= time;
    if (turn.details.length >= MAX_DETAILS) {
      turn.omitted++;
      return;
    }
    const threadWord = this.#machine.ours ? THREAD_WORD.get(record.event) : undefined;
    const words = Array.from({ length: threadWord ?? record.count }, (_, index) => record.word(index));
    turn.details.push({ event: record.event, time, words });
  }

  #close(state: State, time: number | undefined): void {
    const { turn } = state;
    if (!turn) return;
    turn.ended = time !== undefined && time >= turn.exited ? time : undefined;
    state.turn = undefined;
    this.#onTurn(turn);
  }

  /** Ends a machine's recording: what is open has no entry, and nothing that comes later belongs to it. */
  #closeAll({ states, latest }: Machine): void {
    for (const state of states.values()) this.#close(state, undefined);
    states.clear();
    latest.clear();
  }
}
