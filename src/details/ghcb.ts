// SPDX-License-Identifier: MIT
// What a guest of SEV-ES exits for: the reason that it gives in its GHCB, and what that is about.
import { DETAIL } from "../contract";
import { bits, hex } from "./bits";
import { type MemoryAccess } from "./memory";
import { type MsrAccess, msrAccess } from "./msr";
import { type Names, nameOf, namesOf } from "./names";
import { type PortAccess, svmPort } from "./port";

/** A reason without a detail. */
export interface GhcbReason {
  readonly kind: "ghcb";
  /** As SVM numbers exits, or one of the GHCB's own, which begin at 0x80000000. */
  readonly reason: number;
}

// AMD's document 56421, SEV-ES Guest-Hypervisor Communication Block Standardization; arch/x86/include/uapi/asm/svm.h.
const NAMES: Names = namesOf(`
0x27 DR7 read
0x37 DR7 write
0x6e RDTSC
0x6f RDPMC
0x72 CPUID
0x76 INVD
0x7b port I/O
0x7c MSR
0x81 VMMCALL
0x87 RDTSCP
0x89 WBINVD
0x8a MONITOR
0x8b MWAIT
0x80000001 MMIO read
0x80000002 MMIO write
0x80000003 NMI complete
0x80000004 AP reset hold
0x80000005 AP jump table
0x80000010 page state change
0x80000011 guest request
0x80000012 extended guest request
0x80000013 AP creation
0x80000014 HV doorbell page
0x80000015 HV IPI
0x80000016 HV timer
0x80000017 APIC ids
0x80000018 run VMPL
`);

const SOFTWARE = 0x80000000;
const [IOIO, MSR, MMIO_READ, MMIO_WRITE] = [0x7b, 0x7c, SOFTWARE + 1, SOFTWARE + 2];

/** @param raw bpf/contract/detail.h: the reason, and 48 bits of what it is about */
export function ghcbOf(raw: bigint): PortAccess | MsrAccess | MemoryAccess | GhcbReason {
  const address = bits(raw, 0, DETAIL.ghcbShift);
  const software = bits(raw, DETAIL.ghcbSoftwareBit, 1) === 1 ? SOFTWARE : 0;
  const reason = bits(raw, DETAIL.ghcbShift, DETAIL.ghcbReasonBits) + software;
  switch (reason) {
    case IOIO:
      return svmPort(raw);
    case MSR:
      return msrAccess(bits(raw, DETAIL.ghcbWriteBit, 1) === 1, bits(raw, 0, 32));
    case MMIO_READ:
      return { kind: "memory", access: "read", address, bytes: 1 };
    case MMIO_WRITE:
      return { kind: "memory", access: "write", address, bytes: 1 };
    default:
      return { kind: "ghcb", reason };
  }
}

/** `CPUID (0x72)`; without a name `VMGEXIT 0x80000123`. */
export function ghcbText({ reason }: GhcbReason): string {
  const name = nameOf(NAMES, reason);
  return name === undefined ? `VMGEXIT ${hex(reason)}` : `${name} (${hex(reason)})`;
}
