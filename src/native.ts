// The only file that loads the addon: typed access to tracing sessions, which count in the kernel.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ToolError, messageOf } from "./errors";

/** How the programs attach: BTF-typed raw tracepoints, the tracepoints' records, or what the kernel can. */
export type AttachMode = "auto" | "direct" | "record";

export interface SessionOptions {
  readonly attach: AttachMode;
  /** Keep handling times, which needs programs on the entries too. */
  readonly timing: boolean;
  /** How many vCPUs (vCPU threads, if attached to records) there can be at a time. */
  readonly maxVcpus: number;
  /** Trace only these processes; all if undefined. */
  readonly pids?: readonly number[];
}

/** What was lost, in exits, since the session opened. */
export interface Lost {
  /** Of vCPUs for which there was no record left. */
  readonly recordsFull: number;
  /** Of reasons for which the vCPU's record had no slot left. */
  readonly slotsFull: number;
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
    /** The kernel's unsigned 32 bits. */
    readonly reason: Uint32Array;
    readonly count: Float64Array;
    readonly totalNs: Float64Array;
    readonly maxNs: Float64Array;
  };
  readonly lost: Lost;
}

export interface SessionInfo {
  readonly attach: "direct" | "record";
  /** "name on section" of each program that is attached. */
  readonly programs: readonly string[];
  /** What libbpf and the loader said, with line breaks. */
  readonly log: string;
  readonly records: number;
  readonly recordBytes: number;
}

/** Programs in the kernel, counting from the moment the session is there until stop(). */
export interface Session {
  info(): SessionInfo;
  /** Reads all counters. They are cumulative; a vCPU that ended is in one snapshot more, and never again. */
  snapshot(): Snapshot;
  /** Detaches the programs; the next snapshot holds exits still open as untimed ones. */
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
    /** STAT_KIND_* of bpf/stat.h. */
    readonly kind: Uint8Array;
    /** The kernel's unsigned 32 bits. */
    readonly reason: Uint32Array;
    readonly count: Float64Array;
  };
  /** Exits counted by their event alone, because there was no place for their reason. */
  readonly unplaced: number;
  /** Events for which the kernel didn't run a program, because it was running on that CPU already. */
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

interface Addon {
  Session: new (options: SessionOptions & { object: string }) => Session;
  Counters: new (options: { object: string; events: readonly string[] }) => Counters;
}

// From dist/src/.
const ADDON = join(__dirname, "..", "..", "build", "Release", "vmexit.node");

function objectPath(name: string): string {
  const path = join(__dirname, "..", "bpf", `${name}.${process.arch}.bpf.o`);
  if (!existsSync(path))
    throw new ToolError(`there is no BPF object for ${process.arch}; build it with make`);
  return path;
}

function loadAddon(): Addon {
  const module: { exports: object } = { exports: {} };
  try {
    process.dlopen(module, ADDON);
  } catch (error) {
    throw new ToolError(
      `cannot load the native addon: ${messageOf(error)}; build it with make, or npm rebuild`,
    );
  }
  return module.exports as Addon;
}

/**
 * Loads and attaches the programs.
 * @throws ToolError with the cause, and the last lines of the verifier's log if it refused a program
 */
export function openSession(options: SessionOptions): Session {
  const addon = loadAddon();
  const object = objectPath("vmexit");
  try {
    return new addon.Session({ ...options, object });
  } catch (error) {
    throw new ToolError(messageOf(error));
  }
}

/**
 * Loads the programs that count tracepoints; none is attached yet.
 * @param events names of tracepoints of system kvm by index, of which the first two are kvm_exit and kvm_userspace_exit
 * @throws ToolError with the cause, and the last lines of the verifier's log if it refused a program
 */
export function openCounters(events: readonly string[]): Counters {
  const addon = loadAddon();
  const object = objectPath("stat");
  try {
    return new addon.Counters({ object, events });
  } catch (error) {
    throw new ToolError(messageOf(error));
  }
}
