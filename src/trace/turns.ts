// SPDX-License-Identifier: MIT
// Pairs a recording's exits with the entries that follow them on the same thread: the turns of its vCPUs.
import { OTHERS_ISA } from "../reasons";
import { EVENT, THREAD_WORD, UNKNOWN_VCPU } from "./events";
import { EXIT_WORDS } from "./exit-name";
import type { TraceRecord } from "./reader";
import { Summary } from "./summary";
import type { Vm } from "../host/vm";
import { OTHERS_PID, RecordedVms, unnamedVm } from "./vm";

/** An event between an exit and its entry: its id, its time and its data words except the thread's id. */
export interface TurnEvent {
  readonly event: number;
  readonly time: number;
  readonly words: readonly number[];
}

/** One vCPU thread of a recording. */
export interface Thread {
  readonly pid: number;
  /** The VM that the process runs. */
  vm: Vm;
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
  /** The first events between the two. */
  readonly events: TurnEvent[];
  /** How many more events there were. */
  omitted: number;
}

/** Events kept of one turn: an exit that is handled for long may see any number of them. */
const MAX_EVENTS = 16;

/**
 * Most threads that are told apart in what is read at once, and most reasons, so that memory has a bound; the exits of
 * all others are counted together. No host has run so many vCPUs, and all instruction sets together have fewer reasons.
 */
export const MAX_THREADS = 16_384;
export const MAX_REASONS = 512;
/** Most pairs of thread and reason. */
export const MAX_SLOTS = 65_536;

/** The thread of the exits of all threads that aren't told apart. */
const OTHER_THREADS: Thread = { pid: OTHERS_PID, vm: unnamedVm(OTHERS_PID), tid: 0, vcpu: UNKNOWN_VCPU };

const OTHER_REASONS = { isa: OTHERS_ISA, code: 0 } as const;

/** Gaps that are told apart: more than any machine has CPUs. */
const MAX_GAPS = 65_536;

interface State {
  readonly thread: Thread;
  /** The reasons that its exits had, as numbers of their own. */
  readonly reasons: Set<number>;
  turn: Turn | undefined;
  entered: number | undefined;
  /** How many gaps of its machine had begun or ended when its latest event came. */
  gaps: number;
}

/** Threads that may be told apart by their numbers, and whose exits pair with their entries. */
class Machine {
  /** By thread id, or by process and vCPU. */
  readonly states = new Map<number, State>();
  /** By process and vCPU: the thread of the latest exit. */
  readonly latest = new Map<number, State>();
  readonly vms = new RecordedVms();
  /** CPUs some of whose events are missing here. */
  readonly gaps = new Set<number>();
  /** How many gaps have begun or ended. */
  boundaries = 0;

  /** @param ours whether `kvm-trace record` wrote the recording: its records tell the thread */
  constructor(readonly ours: boolean) {}
}

/** A process has fewer than 65,536 vCPUs; 2^22 processes times that is exact. */
function vcpuKey({ pid, vcpu }: TraceRecord): number {
  return pid * 65536 + vcpu;
}

/**
 * Takes records one by one and gives out turns as they end. Memory grows with the number of threads and reasons only,
 * which have bounds.
 *
 * In a gap, events of a CPU are missing. Any thread may have run there: an entry that is missing on one CPU belongs to an
 * exit on another if the vCPU moved between. So no turn that is open at any time of a gap has a known end.
 */
export class Turns {
  readonly summary = new Summary();
  /** kvmtrace's recordings, one for each CPU, are of one machine; each of ours is one of its own. */
  readonly #shared = new Machine(false);
  readonly #own = new Map<number, Machine>();
  #machine = this.#shared;
  #threads = 0;
  #slots = 0;
  readonly #reasons = new Set<number>();
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
    } else if (event === EVENT.vmName || event === EVENT.vmUuid) this.#name(record);
    else if (event === EVENT.gap || event === EVENT.gapEnd) this.#gap(record);
    else if (event === EVENT.exit) this.#exit(record);
    else if (event === EVENT.entry) this.#entry(record);
    else this.#event(record);
  }

  /** Takes notice that records of one of the recordings couldn't be read here. */
  damage(source = 0): void {
    this.#closeAll(this.#own.get(source) ?? this.#shared);
    this.summary.damage();
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
      if (this.#threads === MAX_THREADS) return undefined;
      this.#threads++;
      const { pid, vcpu } = record;
      const thread = { pid, vm: this.#machine.vms.of(pid), tid, vcpu };
      state = { thread, reasons: new Set(), turn: undefined, entered: undefined, gaps: 0 };
      states.set(key, state);
    }
    state.thread.vcpu = record.vcpu;
    const { boundaries } = this.#machine;
    if (state.gaps !== boundaries) {
      this.#close(state, undefined);
      state.entered = undefined;
      state.gaps = boundaries;
    }
    return state;
  }

  /** The reason of an exit, or that of all others where there are too many. */
  #reason(record: TraceRecord, state: State | undefined): { isa: number; code: number } {
    const isa = record.count > EXIT_WORDS.isa ? record.word(EXIT_WORDS.isa) : this.#isa;
    const code = record.word(EXIT_WORDS.code);
    const key = isa * 2 ** 32 + code;
    if (!this.#reasons.has(key)) {
      if (this.#reasons.size === MAX_REASONS || isa >= OTHERS_ISA) return OTHER_REASONS;
      this.#reasons.add(key);
    }
    if (state && !state.reasons.has(key)) {
      if (this.#slots === MAX_SLOTS) return OTHER_REASONS;
      this.#slots++;
      state.reasons.add(key);
    }
    return { isa, code };
  }

  #exit(record: TraceRecord): void {
    const state = this.#state(record);
    if (!state && this.#threads < MAX_THREADS) return;
    const reason = this.#reason(record, state);
    if (!state || reason === OTHER_REASONS) this.summary.others++;
    if (state) {
      this.#close(state, undefined);
      this.#machine.latest.set(vcpuKey(record), state);
    }
    const turn: Turn = {
      thread: state?.thread ?? OTHER_THREADS,
      ...reason,
      ripLow: record.word(EXIT_WORDS.ripLow),
      ripHigh: record.count > EXIT_WORDS.ripHigh ? record.word(EXIT_WORDS.ripHigh) : 0,
      level: 1,
      entered: state?.entered,
      exited: this.summary.time(record),
      returned: undefined,
      ended: undefined,
      events: [],
      omitted: 0,
    };
    if (!state) {
      this.#onTurn(turn);
      return;
    }
    state.turn = turn;
    state.entered = undefined;
  }

  /** Names come before a VM's first event; a later one is of threads that are known already, too. */
  #name(record: TraceRecord): void {
    const { vms, states } = this.#machine;
    if (!vms.take(record)) return;
    const vm = vms.of(record.pid);
    for (const { thread } of states.values()) if (thread.pid === record.pid) thread.vm = vm;
  }

  /** What is open at a gap's beginning, within it and at its end is closed by the thread's next event, in #state(). */
  #gap(record: TraceRecord): void {
    const machine = this.#machine;
    const { gaps } = machine;
    const cpu = record.word(0);
    machine.boundaries++;
    if (record.event === EVENT.gap) {
      if (gaps.size < MAX_GAPS) gaps.add(cpu);
    } else {
      // Where there are more than that, none of them ends.
      if (gaps.size < MAX_GAPS) gaps.delete(cpu);
      this.summary.gap(record);
    }
  }

  #entry(record: TraceRecord): void {
    const state = this.#state(record);
    if (!state) return;
    const time = this.summary.time(record);
    const known = this.#machine.gaps.size === 0;
    this.#close(state, known ? time : undefined);
    state.entered = known ? time : undefined;
  }

  #event(record: TraceRecord): void {
    const time = this.summary.time(record);
    const turn = this.#state(record)?.turn;
    if (!turn) return;
    if (record.event === EVENT.fromL2) turn.level = 2;
    else if (record.event === EVENT.userspaceExit) turn.returned ??= time;
    if (turn.events.length >= MAX_EVENTS) {
      turn.omitted++;
      return;
    }
    const threadWord = this.#machine.ours ? THREAD_WORD.get(record.event) : undefined;
    const words = Array.from({ length: threadWord ?? record.count }, (_, index) => record.word(index));
    turn.events.push({ event: record.event, time, words });
  }

  #close(state: State, time: number | undefined): void {
    const { turn } = state;
    if (!turn) return;
    turn.ended = time !== undefined && time >= turn.exited ? time : undefined;
    state.turn = undefined;
    this.#onTurn(turn);
  }

  /** Ends a machine's recording: what is open has no entry, and nothing that comes later belongs to it. */
  #closeAll({ states, latest, gaps }: Machine): void {
    for (const state of states.values()) this.#close(state, undefined);
    states.clear();
    latest.clear();
    gaps.clear();
  }
}
