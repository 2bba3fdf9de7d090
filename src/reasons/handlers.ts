// Which handler an exit goes to, where kvmtrace recorded the handler's run and no tracepoint does today.

/** A handler's event, and the words it has before the thread's id. */
export interface Handler {
  readonly event: "interrupt" | "nmi" | "pending" | "hlt" | "clts" | "lmsw" | "drRead" | "drWrite";
  readonly words: readonly number[];
}

const ISA_VMX = 1;
const ISA_SVM = 2;

/** Intel SDM 3C: exit reasons (appendix C), exit qualifications (27.2.1), interruption information (24.9.2). */
function vmxHandler(reason: number, qualification: number, interruption: number): Handler | undefined {
  switch (reason) {
    case 0: // exception or NMI
      return ((interruption >>> 8) & 7) === 2 ? { event: "nmi", words: [] } : undefined;
    case 1: // external interrupt; the vector is there if it was acknowledged on exit
      return { event: "interrupt", words: [interruption >>> 31 ? interruption & 0xff : 0] };
    case 7: // interrupt window
      return { event: "pending", words: [0] };
    case 12:
      return { event: "hlt", words: [] };
    case 28: {
      // control-register access: bits 4 and 5 say 2 for CLTS, 3 for LMSW
      const type = (qualification >>> 4) & 3;
      if (type === 2) return { event: "clts", words: [] };
      return type === 3 ? { event: "lmsw", words: [qualification >>> 16] } : undefined;
    }
    case 29: // debug-register access: number in bits 0 to 2, bit 4 set for a read
      return { event: qualification & 16 ? "drRead" : "drWrite", words: [qualification & 7, 0] };
    default:
      return undefined;
  }
}

/** AMD APM 2, appendix C. */
function svmHandler(code: number): Handler | undefined {
  if (code >= 0x20 && code < 0x30) return { event: "drRead", words: [code & 15, 0] };
  if (code >= 0x30 && code < 0x40) return { event: "drWrite", words: [code & 15, 0] };
  switch (code) {
    case 0x60:
      return { event: "interrupt", words: [0] };
    case 0x61:
      return { event: "nmi", words: [] };
    case 0x64: // virtual interrupt: the window is open
      return { event: "pending", words: [0] };
    case 0x78:
      return { event: "hlt", words: [] };
    default:
      return undefined;
  }
}

/**
 * The handler that an exit tells of by itself.
 * @param code the kernel's 32 bits
 * @param info1 the exit's first information word, low half
 * @param interruption VMX's interruption information
 */
export function handlerOf(
  isa: number,
  code: number,
  info1: number,
  interruption: number,
): Handler | undefined {
  if (isa === ISA_VMX && code < 0x10000) return vmxHandler(code, info1, interruption);
  return isa === ISA_SVM ? svmHandler(code) : undefined;
}
