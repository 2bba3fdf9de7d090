// SPDX-License-Identifier: MIT
// Control and debug registers.
import { bits } from "./bits";

/** An access to a control or debug register. */
export interface RegisterAccess {
  readonly kind: "register";
  /** `CR4`, `DR7`. */
  readonly register: string;
  /** CLTS and LMSW write a part of CR0. */
  readonly access: "read" | "write" | "CLTS" | "LMSW";
}

const ACCESSES = ["write", "read", "CLTS", "LMSW"] as const;

/** Intel SDM volume 3, table "Exit Qualification for Control-Register Accesses". */
export function vmxControlRegister(qualification: bigint): RegisterAccess {
  const access = ACCESSES[bits(qualification, 4, 2)] ?? "write";
  return { kind: "register", register: `CR${bits(qualification, 0, 4)}`, access };
}

/** Intel SDM volume 3, table "Exit Qualification for MOV DR". */
export function vmxDebugRegister(qualification: bigint): RegisterAccess {
  const access = bits(qualification, 4, 1) === 1 ? "read" : "write";
  return { kind: "register", register: `DR${bits(qualification, 0, 3)}`, access };
}

/** `write CR4`; `CLTS`. */
export function registerText({ register, access }: RegisterAccess): string {
  return access === "read" || access === "write" ? `${access} ${register}` : access;
}
