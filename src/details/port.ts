// SPDX-License-Identifier: MIT
// I/O ports, as a PC and QEMU's machines use them.
import { bits, hex } from "./bits";
import { type Names, nameOf, namesOf } from "./names";

// ACPI 6.5, 4.8.3: PM1a_EVT_BLK of four bytes and PM1a_CNT_BLK of two.
const pmBlock = (i: number) => (i < 4 ? "PM event" : i < 6 ? "PM control" : undefined);

// QEMU's hw/i386, hw/isa, hw/acpi; OSDev's list of ports; docs/specs/ of QEMU for its own devices.
const PORTS: Names = namesOf(
  `
0x20 PIC master command
0x21 PIC master data
0x40 PIT channel 0
0x41 PIT channel 1
0x42 PIT channel 2
0x43 PIT command
0x60 keyboard data
0x61 system control B: speaker, PIT gate
0x64 keyboard command
0x70 CMOS/RTC index
0x71 CMOS/RTC data
0x80 POST code
0x92 system control A: A20
0xa0 PIC slave command
0xa1 PIC slave data
0xb2 APM control: SMI
0xb3 APM status
0xe9 debug console 0xe9
0xed I/O delay
0xf4 ISA debug exit
0x402 QEMU debug console
0x4d0 ELCR master
0x4d1 ELCR slave
0x501 ISA debug exit
0x510 QEMU firmware configuration: selector
0x511 QEMU firmware configuration: data
0x5658 VMware backdoor
0xcf8 PCI configuration address
0xcf9 reset control
0xcfc PCI configuration data
`,
  [
    [0x0, 0xf, () => "DMA 1"],
    [0x81, 0x8f, () => "DMA pages"],
    [0xc0, 0xdf, () => "DMA 2"],
    [0xf0, 0xf1, () => "FPU"],
    [0x170, 0x177, () => "IDE secondary"],
    [0x1f0, 0x1f7, () => "IDE primary"],
    [0x200, 0x207, () => "game port"],
    [0x278, 0x27a, () => "LPT2"],
    [0x2e8, 0x2ef, () => "COM4"],
    [0x2f8, 0x2ff, () => "COM2"],
    [0x376, 0x376, () => "IDE secondary control"],
    [0x378, 0x37a, () => "LPT1"],
    [0x3b0, 0x3bb, () => "VGA monochrome"],
    [0x3c0, 0x3df, () => "VGA"],
    [0x3e8, 0x3ef, () => "COM3"],
    [0x3f6, 0x3f6, () => "IDE primary control"],
    [0x3f0, 0x3f7, () => "floppy"],
    [0x3f8, 0x3ff, () => "COM1"],
    [0x512, 0x51b, () => "QEMU firmware configuration: DMA"],
    [0x600, 0x607, pmBlock],
    [0x608, 0x60b, () => "PM timer"],
    [0x620, 0x62f, () => "ACPI GPE"],
    [0x630, 0x633, () => "SMI control"],
    [0x700, 0x73f, () => "SMBus"],
    [0xae00, 0xae13, () => "ACPI PCI hotplug"],
    [0xaf00, 0xaf1f, () => "ACPI CPU hotplug"],
    [0xafe0, 0xafe3, () => "ACPI GPE"],
    [0xb000, 0xb007, pmBlock],
    [0xb008, 0xb00b, () => "PM timer"],
    [0xb100, 0xb13f, () => "SMBus"],
    [0xcfd, 0xcff, () => "PCI configuration data"],
  ],
);

/** What is at a port on a PC; undefined if that differs by machine. */
export function portName(port: number): string | undefined {
  return nameOf(PORTS, port);
}

/** An access to an I/O port. */
export interface PortAccess {
  readonly kind: "port";
  readonly write: boolean;
  readonly port: number;
  readonly bytes: number;
  /** Of INS and OUTS, which move several. */
  readonly string: boolean;
}

/** @param info1 EXITINFO1 of IOIO: AMD manual, volume 2, 15.10.2 */
export function svmPort(info1: bigint): PortAccess {
  const bytes = bits(info1, 4, 1) ? 1 : bits(info1, 5, 1) ? 2 : 4;
  const [write, string] = [bits(info1, 0, 1) === 0, bits(info1, 2, 1) === 1];
  return { kind: "port", write, port: bits(info1, 16, 16), bytes, string };
}

/** @param qualification Intel SDM, 3C, table "Exit Qualification for I/O Instructions" */
export function vmxPort(qualification: bigint): PortAccess {
  const [write, string] = [bits(qualification, 3, 1) === 0, bits(qualification, 4, 1) === 1];
  return {
    kind: "port",
    write,
    port: bits(qualification, 16, 16),
    bytes: bits(qualification, 0, 3) + 1,
    string,
  };
}

/** `out 0x3f8 1 byte (COM1)`. */
export function portText({ write, port, bytes, string }: PortAccess): string {
  const name = portName(port);
  const access = `${write ? "out" : "in"} ${hex(port)} ${bytes} byte${bytes === 1 ? "" : "s"}`;
  return `${access}${string ? " string" : ""}${name === undefined ? "" : ` (${name})`}`;
}
