// An access to a model-specific register.
import { hex } from "./bits";

/** An access to an MSR. */
export interface MsrAccess {
  readonly kind: "msr";
  readonly write: boolean;
  /** Its number, if it is known. */
  readonly msr?: number;
}

export function msrAccess(write: boolean, msr: number | undefined): MsrAccess {
  return { kind: "msr", write, ...(msr === undefined ? {} : { msr }) };
}

/** `write MSR 0x830`. */
export function msrText({ write, msr }: MsrAccess): string {
  return `${write ? "write" : "read"} MSR${msr === undefined ? "" : ` ${hex(msr)}`}`;
}
