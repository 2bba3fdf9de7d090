// An access to an I/O port.
import { bits, hex } from "./bits";

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

/** @param info1 exit qualification: Intel SDM, 3C, table "Exit Qualification for I/O Instructions" */
export function vmxPort(info1: bigint): PortAccess {
  const [write, string] = [bits(info1, 3, 1) === 0, bits(info1, 4, 1) === 1];
  return { kind: "port", write, port: bits(info1, 16, 16), bytes: bits(info1, 0, 3) + 1, string };
}

/** `out port 0x3f8, 1 byte`. */
export function portText({ write, port, bytes, string }: PortAccess): string {
  return `${write ? "out" : "in"} port ${hex(port)}, ${bytes} byte${bytes === 1 ? "" : "s"}${string ? ", string" : ""}`;
}
