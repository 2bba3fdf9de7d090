// SPDX-License-Identifier: MIT
// What an exit was about beside its reason: which port, which MSR, which address. One decoder for each kind.
import {
  type ApicAccess,
  type AvicFailure,
  apicText,
  avicAccess,
  avicFailure,
  avicText,
  vmxApicAccess,
  vmxApicWrite,
} from "./apic";
import {
  type SystemRegisterAccess,
  type Wait,
  systemRegisterOf,
  systemRegisterText,
  waitOf,
  waitText,
} from "./arm64";
import { type CpuidLeaf, canonicalLeaf, cpuidOf, cpuidText } from "./cpuid";
import { type GhcbReason, ghcbOf, ghcbText } from "./ghcb";
import { type Hypercall, functionOf, hypercallOf, hypercallText, paprCallOf } from "./hypercall";
import { type MemoryAccess, addressOf, memoryOf, memoryText } from "./memory";
import { type MsrAccess, msrAccess, msrOf, msrText } from "./msr";
import { type PortAccess, portText, svmPort, vmxPort } from "./port";
import { type RegisterAccess, registerText, vmxControlRegister, vmxDebugRegister } from "./register";
import { type SbiCall, sbiCallOf, sbiCallText, virtualInstructionOf } from "./riscv64";
import { type SystemEvent, systemEventOf, systemEventText } from "./system-event";
import { type Vector, exceptionOf, interruptOf, vectorText } from "./vector";

/** What an exit was about. */
export type ExitDetail =
  | PortAccess
  | MsrAccess
  | MemoryAccess
  | CpuidLeaf
  | Hypercall
  | RegisterAccess
  | ApicAccess
  | AvicFailure
  | Vector
  | GhcbReason
  | SystemRegisterAccess
  | Wait
  | SbiCall
  | SystemEvent;

type Decoder = (raw: bigint) => ExitDetail;

const IMMEDIATE_BITS = 0xffffffffn;
const immediateMsr = (write: boolean) => (raw: bigint) => msrAccess(write, Number(raw & IMMEDIATE_BITS));

/** By instruction set and reason: what bpf/contract/detail.h has of it. */
const DECODERS: Readonly<Record<string, Readonly<Record<number, Decoder>>>> = {
  svm: {
    0x72: cpuidOf,
    0x7b: svmPort,
    0x7c: msrOf,
    0x81: hypercallOf,
    0x400: memoryOf,
    0x401: avicFailure,
    0x402: avicAccess,
    0x403: ghcbOf,
  },
  vmx: {
    0: exceptionOf,
    1: interruptOf,
    10: cpuidOf,
    18: hypercallOf,
    28: vmxControlRegister,
    29: vmxDebugRegister,
    30: vmxPort,
    31: msrOf,
    32: msrOf,
    44: vmxApicAccess,
    45: interruptOf,
    48: memoryOf,
    49: addressOf,
    56: vmxApicWrite,
    84: immediateMsr(false),
    85: immediateMsr(true),
  },
  // TRAP (2) of an exception class.
  arm64: {
    0x201: waitOf,
    0x216: functionOf,
    0x217: functionOf,
    0x218: systemRegisterOf,
    0x220: memoryOf,
    0x224: memoryOf,
  },
  riscv64: {
    10: sbiCallOf,
    20: memoryOf,
    21: memoryOf,
    22: virtualInstructionOf,
    23: memoryOf,
  },
  ppc64: {
    0xc00: paprCallOf,
    0xe00: memoryOf,
    0xe20: memoryOf,
  },
  kvm_run: {
    2: svmPort,
    3: hypercallOf,
    6: memoryOf,
    19: paprCallOf,
    24: systemEventOf,
    29: msrOf,
    30: msrOf,
    35: sbiCallOf,
    36: virtualInstructionOf,
  },
};

/**
 * What an exit was about.
 * @param reason as its instruction set's manual numbers it
 * @param raw the detail as the programs keep it; undefined if they don't know it
 */
export function exitDetail(isa: string, reason: number, raw: bigint | undefined): ExitDetail | undefined {
  return raw === undefined ? undefined : DECODERS[isa]?.[reason]?.(raw);
}

/** A detail as the programs keep it, without what isn't shown of it: details that differ in that only are one. */
export function canonicalDetail(isa: string, reason: number, raw: bigint): bigint {
  return DECODERS[isa]?.[reason] === cpuidOf ? canonicalLeaf(raw) : raw;
}

/** The detail in words, "" for none. */
export function detailText(detail: ExitDetail | undefined): string {
  switch (detail?.kind) {
    case "port":
      return portText(detail);
    case "msr":
      return msrText(detail);
    case "memory":
      return memoryText(detail);
    case "cpuid":
      return cpuidText(detail);
    case "hypercall":
      return hypercallText(detail);
    case "register":
      return registerText(detail);
    case "apic":
      return apicText(detail);
    case "avic":
      return avicText(detail);
    case "vector":
      return vectorText(detail);
    case "ghcb":
      return ghcbText(detail);
    case "sysreg":
      return systemRegisterText(detail);
    case "wait":
      return waitText(detail);
    case "sbi":
      return sbiCallText(detail);
    case "event":
      return systemEventText(detail);
    case undefined:
      return "";
  }
}

/** The number by which users name a detail: an MSR's, a port's, an address; undefined if it has none. */
export function detailNumber(detail: ExitDetail): number | undefined {
  switch (detail.kind) {
    case "port":
      return detail.port;
    case "msr":
      return detail.msr;
    case "memory":
      return detail.address;
    case "cpuid":
      return detail.leaf;
    case "hypercall":
      return detail.number;
    case "apic":
      return detail.offset;
    case "avic":
      return detail.failure;
    case "vector":
      return detail.vector;
    case "ghcb":
      return detail.reason;
    case "event":
      return detail.event;
    case "sbi":
      return detail.extension;
    case "register":
    case "sysreg":
    case "wait":
      return undefined;
  }
}
