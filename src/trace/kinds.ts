// The kernel's events that a recording is made of: which tracepoints, and which words of their records.
//
// The order is the one of enum trace_kind in bpf/contract/trace.h.

/** A word of an event: the tracepoint's field, by its names over the years, and which half if it has 64 bits. */
export interface WordSource {
  readonly fields: readonly string[];
  readonly high?: true;
}

export interface Kind {
  readonly tracepoint: string;
  /** What --events calls it. */
  readonly name: string;
  readonly words: readonly WordSource[];
}

const low = (...fields: string[]): WordSource => ({ fields });
const high = (...fields: string[]): WordSource => ({ fields, high: true });

/** Most words of one kind: TRACE_WORDS. */
export const KIND_WORDS = 8;

export const KINDS = [
  { tracepoint: "kvm_entry", name: "entry", words: [low("vcpu_id")] },
  {
    tracepoint: "kvm_exit",
    name: "exit",
    words: [
      // arm64 has ret, vcpu_pc and esr_ec in their places.
      low("exit_reason", "ret"),
      low("guest_rip", "vcpu_pc"),
      high("guest_rip", "vcpu_pc"),
      low("isa"),
      low("vcpu_id"),
      low("info1", "esr_ec"),
      high("info1"),
      low("intr_info"),
    ],
  },
  { tracepoint: "kvm_nested_vmexit", name: "nested", words: [] },
  { tracepoint: "kvm_nested_vmexit_inject", name: "nested", words: [] },
  {
    tracepoint: "kvm_page_fault",
    name: "page_fault",
    words: [low("error_code"), low("fault_address"), high("fault_address")],
  },
  { tracepoint: "kvm_inj_virq", name: "inject", words: [low("vector", "irq")] },
  { tracepoint: "kvm_pio", name: "io", words: [low("rw"), low("port"), low("size"), low("val")] },
  { tracepoint: "kvm_cr", name: "cr", words: [low("rw"), low("cr"), low("val"), high("val")] },
  { tracepoint: "kvm_msr", name: "msr", words: [low("write"), low("ecx"), low("data"), high("data")] },
  {
    tracepoint: "kvm_cpuid",
    name: "cpuid",
    words: [low("function"), low("rax"), low("rbx"), low("rcx"), low("rdx")],
  },
  { tracepoint: "kvm_hypercall", name: "hypercall", words: [low("nr"), low("a0"), high("a0")] },
  { tracepoint: "kvm_apic", name: "apic", words: [low("rw"), low("reg"), low("val")] },
  { tracepoint: "kvm_userspace_exit", name: "userspace", words: [low("reason"), low("errno")] },
  { tracepoint: "kvm_vcpu_wakeup", name: "wakeup", words: [low("ns"), high("ns")] },
] as const satisfies readonly Kind[];

/** Kinds by their numbers in the rings. */
export const KIND = {
  entry: 0,
  exit: 1,
  nestedExit: 2,
  reflected: 3,
  pageFault: 4,
  injected: 5,
  port: 6,
  controlRegister: 7,
  msr: 8,
  cpuid: 9,
  hypercall: 10,
  apic: 11,
  userspaceExit: 12,
  wakeup: 13,
} as const;

// `	field:unsigned int vcpu_id;	offset:76;	size:4;	signed:0;`
const FIELD = /^\s*field:[^;]*\b(\w+);\s*offset:(\d+);\s*size:(\d+);/gm;

/** The offset of a word in the record that a tracefs `format` file describes; 0 if it isn't in there. */
export function wordOffset(source: WordSource, format: string): number {
  const fields = [...format.matchAll(FIELD)];
  for (const name of source.fields) {
    const field = fields.find((match) => match[1] === name);
    if (!field) continue;
    const [offset, size] = [Number(field[2]), Number(field[3])];
    if (offset % 4 !== 0 || size < (source.high ? 8 : 4)) return 0;
    return source.high ? offset + 4 : offset;
  }
  return 0;
}
