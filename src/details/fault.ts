// A fault at a guest's physical address.
import { hex } from "./bits";

/** A fault; numbers as hexadecimal, since they have 64 bits. */
export interface GuestFault {
  readonly kind: "fault";
  /** The guest's physical address. */
  readonly address: string;
  /** The error code: SVM's EXITINFO1, what KVM makes of VMX's exit qualification. */
  readonly error: string;
}

export function guestFault(address: bigint, error: bigint): GuestFault {
  return { kind: "fault", address: hex(address), error: hex(error) };
}

/** `fault at 0xfee00000, error 0x4`. */
export function faultText({ address, error }: GuestFault): string {
  return `fault at ${address}, error ${error}`;
}
