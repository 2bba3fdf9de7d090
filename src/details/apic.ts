// SPDX-License-Identifier: MIT
// The local APIC, as VMX and AVIC tell of it.
import { bits, hex } from "./bits";
import { type Names, nameOf, namesOf } from "./names";

// Intel SDM volume 3, table "Local APIC Register Address Map": by offset.
const LOCAL_APIC: Names = namesOf(
  `
0x20 ID
0x30 version
0x80 TPR
0x90 APR
0xa0 PPR
0xb0 EOI
0xc0 RRD
0xd0 LDR
0xe0 DFR
0xf0 SVR
0x280 ESR
0x2f0 LVT CMCI
0x300 ICR low
0x310 ICR high
0x320 LVT timer
0x330 LVT thermal
0x340 LVT PMI
0x350 LVT LINT0
0x360 LVT LINT1
0x370 LVT error
0x380 timer initial count
0x390 timer current count
0x3e0 timer divide
`,
  [
    [0x100, 0x17f, (i) => `ISR${i >> 4}`],
    [0x180, 0x1ff, (i) => `TMR${i >> 4}`],
    [0x200, 0x27f, (i) => `IRR${i >> 4}`],
  ],
);

/** What a register is called, by an offset in it; undefined if there is none. */
export function apicRegister(offset: number): string | undefined {
  return nameOf(LOCAL_APIC, offset - (offset % 0x10));
}

/** An access to a register of the local APIC. */
export interface ApicAccess {
  readonly kind: "apic";
  /** The register's offset. */
  readonly offset: number;
  readonly access: "read" | "write" | "fetch" | "event delivery";
}

/** An interrupt that AVIC didn't deliver itself. */
export interface AvicFailure {
  readonly kind: "avic";
  readonly failure: number;
}

// Intel SDM volume 3, table "Exit Qualification for APIC-Access VM Exits": linear accesses, then guest-physical ones.
const ACCESSES: ReadonlyMap<number, ApicAccess["access"]> = new Map([
  [0, "read"],
  [1, "write"],
  [2, "fetch"],
]);

/** @param qualification Intel SDM volume 3, table "Exit Qualification for APIC-Access VM Exits" */
export function vmxApicAccess(qualification: bigint): ApicAccess {
  const access = ACCESSES.get(bits(qualification, 12, 4)) ?? "event delivery";
  return { kind: "apic", offset: bits(qualification, 0, 12), access };
}

/** @param qualification the offset: APIC writes that were virtualised */
export function vmxApicWrite(qualification: bigint): ApicAccess {
  return { kind: "apic", offset: bits(qualification, 0, 12), access: "write" };
}

/** @param raw AMD manual, volume 2, 15.29.9.2: EXITINFO1 */
export function avicAccess(raw: bigint): ApicAccess {
  return { kind: "apic", offset: bits(raw, 0, 12), access: bits(raw, 32, 1) === 1 ? "write" : "read" };
}

/** `write ICR low (0x300)`. */
export function apicText({ offset, access }: ApicAccess): string {
  const name = apicRegister(offset);
  return `${access} ${name === undefined ? `local APIC ${hex(offset)}` : `${name} (${hex(offset)})`}`;
}

// AMD manual, volume 2, 15.29.9.1: EXITINFO2's upper half.
const FAILURES = [
  "invalid interrupt type",
  "target not running",
  "invalid target",
  "invalid backing page",
  "invalid vector",
  "unaccelerated",
];

export function avicFailure(raw: bigint): AvicFailure {
  return { kind: "avic", failure: bits(raw, 0, 32) };
}

/** `IPI: target not running`. */
export function avicText({ failure }: AvicFailure): string {
  return `IPI: ${FAILURES[failure] ?? `failure ${failure}`}`;
}
