// SPDX-License-Identifier: MIT
// Guest-physical addresses: the devices that PCs and small VMMs have at fixed ones.
import { DETAIL } from "../contract";
import { apicRegister } from "./apic";
import { bits, hex } from "./bits";

const LOCAL_APIC_BASE = 0xfee00000;
const PAGE = 0x1000;

const localApic = (offset: number) => {
  const register = apicRegister(offset);
  return offset >= PAGE ? "MSI" : register === undefined ? "local APIC" : `local APIC: ${register}`;
};

// QEMU's hw/i386/{pc,q35,microvm}.c, Firecracker's and Cloud Hypervisor's layouts. First and last address.
const REGIONS: readonly (readonly [number, number, string | ((offset: number) => string)])[] = [
  [0xa0000, 0xbffff, "VGA memory"],
  [0xc0000, 0xdffff, "option ROMs"],
  [0xe0000, 0xfffff, "BIOS"],
  [0xfeb00000, 0xfeb02fff, "virtio-mmio of QEMU's microvm"],
  [0xfec00000, 0xfec00fff, "I/O APIC"],
  [0xfec10000, 0xfec10fff, "second I/O APIC of QEMU's microvm"],
  [0xfed00000, 0xfed003ff, "HPET"],
  [0xfed1c000, 0xfed1ffff, "chipset: RCBA"],
  [0xfed40000, 0xfed44fff, "TPM"],
  [0xfed90000, 0xfed90fff, "IOMMU"],
  [LOCAL_APIC_BASE, 0xfeefffff, localApic],
  [0xfffc0000, 0xffffffff, "firmware flash"],
];

/** What is at a guest-physical address on a PC; undefined for RAM, PCI devices, and what differs by machine. */
export function addressName(address: number): string | undefined {
  const region = REGIONS.find(([first, last]) => first <= address && address <= last);
  if (!region) return undefined;
  const [first, , name] = region;
  return typeof name === "string" ? name : name(address - first);
}

/** An access to the guest's physical memory, which it faulted at. */
export interface MemoryAccess {
  readonly kind: "memory";
  /** Undefined where the processor doesn't tell: VMX's EPT_MISCONFIG. */
  readonly access: "read" | "write" | "fetch" | undefined;
  /** The guest's physical address, of L2 one of L1's; of a page its first. Numbers hold it: it has 52 bits. */
  readonly address: number;
  /** How many bytes from there on: 1 where the address is exact, as KVM has it of MMIO. */
  readonly bytes: number;
}

const ADDRESS_BITS = 52;

/** @param raw bpf/contract/detail.h: the address, and what kind of access it was */
export function memoryOf(raw: bigint): MemoryAccess {
  const access = bits(raw, DETAIL.faultFetchBit, 1)
    ? "fetch"
    : bits(raw, DETAIL.faultWriteBit, 1)
      ? "write"
      : "read";
  const bytes = bits(raw, DETAIL.faultPageBit, 1) ? PAGE : 1;
  return { kind: "memory", access, address: bits(raw, 0, ADDRESS_BITS), bytes };
}

/** The same of an access of which only the address is known. */
export function addressOf(raw: bigint): MemoryAccess {
  return { ...memoryOf(raw), access: undefined };
}

/** @param error as x86's page faults have it: bit 1 for a write, 3 for MMIO, 4 for a fetch */
export function x86Fault(address: bigint, error: bigint): MemoryAccess {
  const access = bits(error, 4, 1) ? "fetch" : bits(error, 1, 1) ? "write" : "read";
  const exact = bits(error, 3, 1) === 1;
  const at = bits(address, 0, ADDRESS_BITS);
  return { kind: "memory", access, address: exact ? at : at - (at % PAGE), bytes: exact ? 1 : PAGE };
}

/** @param qualification of VMX's EPT_VIOLATION: bit 1 for a write, 2 for a fetch; it has pages alone */
export function eptViolation(address: bigint, qualification: bigint): MemoryAccess {
  return x86Fault(address, (qualification & 2n) | ((qualification & 4n) << 2n));
}

/** `write 0xfee000b0 (local APIC: EOI)`, `read 0x100000-0x100fff`. */
export function memoryText({ access, address, bytes }: MemoryAccess): string {
  const where = bytes === 1 ? hex(address) : `${hex(address)}-${hex(address + bytes - 1)}`;
  const name = addressName(address);
  return `${access === undefined ? "" : `${access} `}${where}${name === undefined ? "" : ` (${name})`}`;
}
