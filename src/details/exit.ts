// Decodes what a slow exit's tracepoint record says of it, where that means something to a user.
import type { SlowExit } from "../native/vmexit";
import { isaName } from "../reasons/index";

const hex = (value: bigint | number) => `0x${value.toString(16)}`;
const bits = (value: bigint, low: number, count: number) =>
  Number((value >> BigInt(low)) & ((1n << BigInt(count)) - 1n));

/** An access to a port. */
export function port(direction: boolean, number: number, bytes: number, string: boolean): string {
  return `${direction ? "in" : "out"} port ${hex(number)}, ${bytes} byte${bytes === 1 ? "" : "s"}${string ? ", string" : ""}`;
}

/** AMD manual, volume 2, 15.10.2: EXITINFO1 of IOIO. */
function svmPort(info1: bigint): string {
  const bytes = bits(info1, 4, 1) ? 1 : bits(info1, 5, 1) ? 2 : 4;
  return port(bits(info1, 0, 1) === 1, bits(info1, 16, 16), bytes, bits(info1, 2, 1) === 1);
}

/** Intel SDM, 3C, table "Exit Qualification for I/O Instructions". */
function vmxPort(info1: bigint): string {
  return port(bits(info1, 3, 1) === 1, bits(info1, 16, 16), bits(info1, 0, 3) + 1, bits(info1, 4, 1) === 1);
}

/** An access to an MSR, whose number may be unknown. */
export function msr(write: boolean, number: number | undefined): string {
  return `${write ? "write" : "read"} MSR${number === undefined ? "" : ` ${hex(number)}`}`;
}

/** A fault at a guest's physical address. */
export function fault(address: bigint, error: bigint): string {
  return `fault at ${hex(address)}, error ${hex(error)}`;
}

/** By instruction set and reason: what is told, from the numbers of the record. */
const DECODERS: Readonly<Record<string, Readonly<Record<number, (exit: SlowExit) => string>>>> = {
  svm: {
    0x7b: (exit) => svmPort(exit.info1),
    0x7c: (exit) => msr(exit.info1 === 1n, exit.msr),
    0x400: (exit) => fault(exit.info2, exit.info1),
  },
  vmx: {
    30: (exit) => vmxPort(exit.info1),
    31: (exit) => msr(false, exit.msr),
    32: (exit) => msr(true, exit.msr),
    48: (exit) =>
      exit.faultAddress === undefined ? "" : fault(exit.faultAddress, exit.faultError ?? exit.info1),
  },
};

/** What is known of the exit besides its reason, "" if nothing is. */
export function exitDetails(exit: SlowExit): string {
  return DECODERS[isaName(exit.isa)]?.[exit.reason]?.(exit) ?? "";
}
