// The only file that loads the addon: typed access to tracing sessions, which count in the kernel.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ToolError, messageOf } from "../errors";
import { PACKAGE } from "../assets";

/** How the programs attach: BTF-typed raw tracepoints, the tracepoints' records, or what the kernel can. */
export type AttachMode = "auto" | "direct" | "record";

export interface SessionOptions {
  readonly attach: AttachMode;
  /** Keep handling times, which needs programs on the entries too. */
  readonly timing: boolean;
  /** With timing: also keep histograms of them. */
  readonly histograms: boolean;
  /** With timing: instead of counting, report exits that take so many ns and longer. */
  readonly slowNs?: number;
  /** With slowNs: what the tracepoints' records tell of the exit; attaches to records. */
  readonly details: boolean;
  /** Tell which exits of L2 went to L1; attaches to records. */
  readonly reflected?: boolean;
  /** How many vCPUs (vCPU threads, if attached to records) there can be at a time. */
  readonly maxVcpus: number;
  /** Trace only these processes; all if undefined. */
  readonly pids?: readonly number[];
  /** Trace only vCPUs with these ids; all if undefined. */
  readonly vcpuIds?: readonly number[];
  /** Report slow exits of these reasons only (the kernel's 32 bits), or of all but those. */
  readonly onlyReasons?: readonly number[];
  readonly butReasons?: readonly number[];
}

/** What was lost, in exits, since the session opened. */
export interface Lost {
  /** Of vCPUs for which there was no record left. */
  readonly recordsFull: number;
  /** Attached to records: of vCPUs whose thread had run so many others that there was none near its own. */
  readonly threadsFull: number;
  /** Of reasons for which the vCPU's record had no slot left. */
  readonly slotsFull: number;
  /** Counted and timed, but in no histogram, because there was none left. */
  readonly histogramsFull: number;
  /** Slow exits that found the buffer full. */
  readonly eventsDropped: number;
  /** Events for which the kernel didn't run a program, because it was running on that CPU already. */
  readonly missedEvents: number;
}

/** Everything counted so far, as columns; times in ns. Numbers are exact up to 2^53. */
export interface Snapshot {
  readonly vcpus: {
    readonly tgid: Uint32Array;
    readonly tid: Uint32Array;
    /** As KVM numbers vCPUs within a VM; -1 where the kernel's events don't tell. */
    readonly vcpuId: Int32Array;
    /** Start of the process, since boot. */
    readonly startNs: Float64Array;
    /** 1 if the vCPU is gone, and this row with it from the next snapshot on. */
    readonly ended: Uint8Array;
    /** Name of the process, unchecked. */
    readonly comm: readonly string[];
  };
  readonly slots: {
    /** Row in `vcpus`. */
    readonly vcpu: Uint32Array;
    readonly isa: Uint8Array;
    /** 1 or 2. */
    readonly level: Uint8Array;
    /** 0: exits without an entry, of which totalNs and maxNs know nothing. */
    readonly timed: Uint8Array;
    /** 1: exits of L2 that L0 gave to L1. All 0, or none there, unless asked for. */
    readonly reflected?: Uint8Array;
    /** The kernel's unsigned 32 bits. */
    readonly reason: Uint32Array;
    readonly count: Float64Array;
    readonly totalNs: Float64Array;
    /** The longest since the last snapshot. */
    readonly maxNs: Float64Array;
  };
  /** Buckets that aren't empty, see src/measure/histogram.ts; none without histograms. */
  readonly buckets: {
    /** Row in `slots`. */
    readonly slot: Uint32Array;
    readonly bucket: Uint8Array;
    readonly count: Float64Array;
  };
  readonly lost: Lost;
}

/** A program of the session, as the kernel took it. */
export interface ProgramInfo {
  readonly name: string;
  readonly section: string;
  /** Instructions that the verifier walked; 0 before Linux 5.16, which doesn't tell. */
  readonly verifiedInsns: number;
  /** Its machine code; 0 without the JIT. */
  readonly jitedBytes: number;
}

export interface SessionInfo {
  readonly attach: "direct" | "record";
  /** Those that are attached. */
  readonly programs: readonly ProgramInfo[];
  /** What libbpf and the loader said, with line breaks. */
  readonly log: string;
  readonly records: number;
  /** Memory of the session's maps in the kernel. */
  readonly mapBytes: number;
}

/** One slow exit; times in ns. */
export interface SlowExit {
  readonly isa: number;
  /** 1 or 2. */
  readonly level: number;
  /** The kernel's unsigned 32 bits. */
  readonly reason: number;
  readonly ns: number;
  /** When it ended, on CLOCK_MONOTONIC. */
  readonly entryNs: number;
  readonly startNs: number;
  readonly tgid: number;
  readonly tid: number;
  readonly vcpuId: number;
  readonly comm: string;
  /** With details; 0 where the kernel doesn't tell. */
  readonly rip: bigint;
  /** With details: exit qualification (VMX), EXITINFO1 and EXITINFO2 (SVM). */
  readonly info1: bigint;
  readonly info2: bigint;
  /** With details, if the exit was a fault: the guest's physical address, and the error code. */
  readonly faultAddress?: bigint;
  readonly faultError?: bigint;
  /** With details, if the exit was an access to an MSR: which. */
  readonly msr?: number;
}

/** Programs in the kernel, counting from the moment the session is there until stop(). */
export interface Session {
  info(): SessionInfo;
  /** Reads all counters. They are cumulative; a vCPU that ended is in one snapshot more, and never again. */
  snapshot(): Snapshot;
  /** The slow exits reported since the last call, oldest first of each CPU; `most` of them, the others later. */
  takeEvents(most: number): SlowExit[];
  /** Detaches the programs; the next snapshot holds exits still open as untimed ones. */
  stop(): void;
  /** Gives everything back. May be called again; nothing else may. */
  close(): void;
}

export interface RecorderOptions {
  /** Which events, as numbers of enum trace_kind; at least one. */
  readonly kinds: Uint32Array;
  /** For each kind TRACE_WORDS byte offsets into the tracepoint's record; 0: the word is 0. */
  readonly offsets: Uint32Array;
  /** The logarithm to base 2 of how many events, of EVENT_BYTES each, a CPU's ring holds. */
  readonly ringShift: number;
  /** Record only these processes; all if undefined. */
  readonly pids?: Uint32Array;
}

/** Programs in the kernel that write events into the CPUs' rings; nobody waits where one is full. */
export interface Recorder {
  /**
   * Writes events as kvmtrace's records in the order of time, as far as there is room, without the latest 20 ms
   * unless `all`.
   * @returns how many words it wrote
   */
  read(to: Uint32Array, all: boolean): number;
  /** Events that read() gave out. */
  events(): number;
  /** Events that found a ring full, or for which the kernel didn't run a program, since the recorder opened. */
  lost(): number;
  /** Those among them for which the kernel didn't run a program; Linux 6.1 doesn't count them, 6.12 does. */
  missed(): number;
  /** Detaches the programs; what they wrote can still be read. */
  stop(): void;
  /** Gives everything back. May be called again; nothing else may. */
  close(): void;
}

/** Counts of KVM's tracepoints, over all CPUs and since the counters opened, whatever was attached when. */
export interface CountersSnapshot {
  /** By the event's index. Numbers are exact up to 2^53. */
  readonly events: Float64Array;
  /** Columns: what kvm_exit and kvm_userspace_exit counted, by reason. */
  readonly children: {
    /** STAT_KIND_* of bpf/contract/stat.h. */
    readonly kind: Uint8Array;
    /** The kernel's unsigned 32 bits. */
    readonly reason: Uint32Array;
    readonly count: Float64Array;
  };
  /** Exits counted by their event alone: there was no place for their reason, or they came while another was counted. */
  readonly unplaced: number;
  /** Events that aren't counted: they came while others of their kind were, and nobody knows of which process. */
  readonly missedEvents: number;
}

/** One small program in the kernel for each attached tracepoint. */
export interface Counters {
  /** Attaches these events, by index, and detaches all others. Returns why, by index, some can't be attached. */
  attach(events: readonly number[]): Readonly<Record<string, string>>;
  /** Counts only what happens in this process from now on; 0: in all. */
  filter(pid: number): void;
  snapshot(): CountersSnapshot;
  /** Gives everything back. May be called again; nothing else may. */
  close(): void;
}

/** What the kernel's run time statistics say of one program, since it was loaded. */
export interface ProgramRun {
  /** The first 15 characters of it. */
  readonly name: string;
  readonly runNs: number;
  readonly runCount: number;
}

/** A program that this process holds. */
export interface HeldProgram extends ProgramRun {
  /** What the verifier walked; 0 before Linux 5.16, which doesn't tell. */
  readonly verifiedInsns: number;
  /** Machine code. */
  readonly jitedBytes: number;
}

interface Addon {
  Session: new (options: SessionOptions & { object: string }) => Session;
  Counters: new (options: { object: string; events: readonly string[] }) => Counters;
  Recorder: new (options: RecorderOptions & { object: string }) => Recorder;
  encodeRings(rings: readonly Uint32Array[], arm64: boolean, to: Uint32Array): number;
  enableRunStatistics: () => number;
  runStatistics: () => HeldProgram[];
}

// A clone may hold one for another architecture too, built for a machine that sees the same files.
const BUILD = join(PACKAGE, "build");
const NATIVE_ADDON = join(BUILD, "Release", "vmexit.node");
const CROSS_BUILT_ADDON = join(BUILD, process.arch, "vmexit.node");
const objectPath = (name: string) => join(PACKAGE, "dist", "bpf", `${name}.${process.arch}.bpf.o`);

// Once: Node keeps what it makes for each loading until the process ends.
let loaded: Addon | undefined;

function loadAddon(): Addon {
  if (loaded) return loaded;
  const module: { exports: object } = { exports: {} };
  try {
    process.dlopen(module, existsSync(CROSS_BUILT_ADDON) ? CROSS_BUILT_ADDON : NATIVE_ADDON);
  } catch (error) {
    throw new ToolError(
      `cannot load the native addon: ${messageOf(error)}; build it with make, or npm rebuild`,
    );
  }
  loaded = module.exports as Addon;
  return loaded;
}

function open<T>(name: string, create: (addon: Addon, object: string) => T): T {
  const addon = loadAddon();
  const object = objectPath(name);
  if (!existsSync(object))
    throw new ToolError(`there is no BPF object for ${process.arch}; build it with make`);
  try {
    return create(addon, object);
  } catch (error) {
    // The addon's word for an option that isn't one: the caller's fault, not the machine's.
    if (error instanceof TypeError) throw error;
    const message = messageOf(error);
    throw new ToolError(
      message.endsWith("Operation not permitted")
        ? `${message}; run it with sudo (before Linux 5.11, locked memory takes CAP_SYS_RESOURCE)`
        : message,
    );
  }
}

/**
 * Loads and attaches the programs.
 * @throws ToolError with the cause, and the last lines of the verifier's log if it refused a program
 */
export function openSession(options: SessionOptions): Session {
  return open("vmexit", (addon, object) => new addon.Session({ ...options, object }));
}

/**
 * Loads and attaches the programs that record events.
 * @throws ToolError with the cause
 */
export function openRecorder(options: RecorderOptions): Recorder {
  return open("trace", (addon, object) => new addon.Recorder({ ...options, object }));
}

/** sizeof(struct trace_event) */
export const EVENT_BYTES = 64;
/** Most words of the records that one event makes: kMostWords in native/trace_encoder.h. */
export const EVENT_MAX_WORDS = 24;

/** What the recorder makes of rings of struct trace_event (bpf/contract/trace.h), each in the order of time. */
export function encodeRings(rings: readonly Uint32Array[], arm64: boolean): Uint32Array {
  let events = 0;
  for (const ring of rings) events += ring.byteLength / EVENT_BYTES;
  const to = new Uint32Array((events + 1) * EVENT_MAX_WORDS);
  return to.subarray(0, loadAddon().encodeRings(rings, arm64, to));
}

/**
 * Loads the programs that count tracepoints; none is attached yet.
 * @param events names of tracepoints of system kvm by index, of which the first two are kvm_exit and kvm_userspace_exit
 * @throws ToolError with the cause, and the last lines of the verifier's log if it refused a program
 */
export function openCounters(events: readonly string[]): Counters {
  return open("stat", (addon, object) => new addon.Counters({ object, events }));
}

/**
 * Has the kernel keep run time statistics of all BPF programs until the file descriptor that this returns is closed.
 * @throws ToolError where it can't
 */
export function enableRunStatistics(): number {
  try {
    return loadAddon().enableRunStatistics();
  } catch (error) {
    if (error instanceof ToolError) throw error;
    throw new ToolError(
      `the kernel keeps no run time statistics (${messageOf(error)}); leave --overhead out, or become root`,
    );
  }
}

/** The statistics of the programs that this process holds. */
export function runStatistics(): HeldProgram[] {
  return loadAddon().runStatistics();
}
