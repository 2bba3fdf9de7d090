// SPDX-License-Identifier: MIT
// Details from outside, such as a line of JSON: taken only if they are what a decoder could have made.
import type { ExitDetail } from ".";

type Check = (value: unknown) => boolean;

const isFlag: Check = (value) => typeof value === "boolean";
const isWhole: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isRegister: Check = (value) => typeof value === "string" && /^\w{1,32}$/.test(value);
const oneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value);

/** What the fields of each kind may be. */
const KINDS: { readonly [K in ExitDetail["kind"]]: FieldsOf<Extract<ExitDetail, { kind: K }>> } = {
  port: { write: isFlag, port: isWhole, bytes: isWhole, string: isFlag },
  msr: { write: isFlag, msr: isWhole },
  memory: { access: oneOf("read", "write", "fetch", undefined), address: isWhole, bytes: isWhole },
  cpuid: { leaf: isWhole, subleaf: isWhole },
  hypercall: { interface: oneOf("kvm", "hyperv", "xen", "smccc", "papr"), number: isWhole },
  register: { register: isRegister, access: oneOf("read", "write", "CLTS", "LMSW") },
  apic: { offset: isWhole, access: oneOf("read", "write", "fetch", "event delivery") },
  avic: { failure: isWhole },
  vector: { of: oneOf("exception", "interrupt"), vector: isWhole },
  ghcb: { reason: isWhole },
  sysreg: { write: isFlag, register: isRegister },
  event: { event: isWhole },
  wait: { for: oneOf("interrupt", "event", "reservation") },
  sbi: { extension: isWhole, function: isWhole },
};

type FieldsOf<T> = { readonly [K in Exclude<keyof T, "kind">]-?: Check };

/** The detail that a value is; undefined if it is none. */
export function readDetail(value: object): ExitDetail | undefined {
  const fields = new Map<string, unknown>(Object.entries(value));
  const kind = fields.get("kind");
  if (typeof kind !== "string" || !Object.hasOwn(KINDS, kind)) return undefined;
  const checks = Object.entries<Check>(KINDS[kind as ExitDetail["kind"]]);
  if (!checks.every(([name, check]) => check(fields.get(name)))) return undefined;
  return { kind, ...Object.fromEntries(checks.map(([name]) => [name, fields.get(name)])) } as ExitDetail;
}
