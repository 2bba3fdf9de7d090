// The events in a recording of ours: kvmtrace's by its first definitions file, and our own in a range it never used.

/** Event ids as in kvmtrace's first definitions file of 2008, so that it formats recordings of today too. */
export const EVENT = {
  entry: 0x10001,
  exit: 0x10002,
  pageFault: 0x20001,
  injected: 0x20002,
  pending: 0x20003,
  portRead: 0x20004,
  portWrite: 0x20005,
  crRead: 0x20006,
  crWrite: 0x20007,
  drRead: 0x20008,
  drWrite: 0x20009,
  msrRead: 0x2000a,
  msrWrite: 0x2000b,
  cpuid: 0x2000c,
  interrupt: 0x2000d,
  nmi: 0x2000e,
  hypercall: 0x2000f,
  hlt: 0x20010,
  clts: 0x20011,
  lmsw: 0x20012,
  apic: 0x20013,
  // Ours. kvmtrace's categories are the bits 16 and 17; nobody else had bit 18.
  recording: 0x40001,
  end: 0x40002,
  userspaceExit: 0x40003,
  fromL2: 0x40004,
  reflected: 0x40005,
  wakeup: 0x40006,
} as const;

/**
 * What the first record of a recording of ours says: the version of this page, ticks per microsecond, and the wall
 * clock's milliseconds since 1970 (low half, high half).
 */
export const VERSION = 1;
export const TICKS_PER_US = 1000;

/** Why a recording ended, as its last record says it; 0, which it never says, stands in recordings that don't tell. */
export const END_REASON = {
  /** A signal, --duration or the command's end. */
  asked: 1,
  sizeLimit: 2,
  /** The file took no more: a full disk, a quota, a limit of the process. */
  writeFailed: 3,
} as const;

/** The vCPU of an event whose thread has shown neither exit nor entry yet. */
export const UNKNOWN_VCPU = 0xffffffff;

/**
 * In which data word, from 0, a recording of ours has the thread's id. CPUID has five words already, all that the
 * original formatter reads: it has none.
 */
export const THREAD_WORD: ReadonlyMap<number, number> = new Map([
  [EVENT.entry, 0],
  [EVENT.exit, 4],
  [EVENT.pageFault, 3],
  [EVENT.injected, 1],
  [EVENT.pending, 1],
  [EVENT.portRead, 3],
  [EVENT.portWrite, 3],
  [EVENT.crRead, 3],
  [EVENT.crWrite, 3],
  [EVENT.drRead, 2],
  [EVENT.drWrite, 2],
  [EVENT.msrRead, 3],
  [EVENT.msrWrite, 3],
  [EVENT.interrupt, 1],
  [EVENT.nmi, 0],
  [EVENT.hypercall, 3],
  [EVENT.hlt, 0],
  [EVENT.clts, 0],
  [EVENT.lmsw, 1],
  [EVENT.apic, 3],
  [EVENT.userspaceExit, 2],
  [EVENT.fromL2, 0],
  [EVENT.reflected, 0],
  [EVENT.wakeup, 2],
]);

/** What the data words before the thread's are called; a name that comes twice is one number, its low half first. */
export const WORD_NAMES: ReadonlyMap<number, readonly string[]> = new Map([
  [EVENT.pageFault, ["error", "address", "address"]],
  [EVENT.injected, ["vector"]],
  [EVENT.pending, ["vector"]],
  [EVENT.portRead, ["port", "size", "value"]],
  [EVENT.portWrite, ["port", "size", "value"]],
  [EVENT.crRead, ["cr", "value", "value"]],
  [EVENT.crWrite, ["cr", "value", "value"]],
  [EVENT.drRead, ["dr", "value"]],
  [EVENT.drWrite, ["dr", "value"]],
  [EVENT.msrRead, ["msr", "data", "data"]],
  [EVENT.msrWrite, ["msr", "data", "data"]],
  [EVENT.cpuid, ["function", "eax", "ebx", "ecx", "edx"]],
  [EVENT.interrupt, ["vector"]],
  [EVENT.hypercall, ["number", "argument", "argument"]],
  [EVENT.lmsw, ["value"]],
  [EVENT.apic, ["offset", "write", "value"]],
  [EVENT.userspaceExit, ["reason", "errno"]],
  [EVENT.wakeup, ["ns", "ns"]],
]);
