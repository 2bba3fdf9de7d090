// SPDX-License-Identifier: MIT
// The details that are exported, in words. It is a file of its own since the decoders' tables take long to load.
import { type ExitDetail, detailText, exitDetail } from "../details";

/** Registers and ports: a guest has few of them. Addresses have no end. */
const EXPORTED: ReadonlySet<ExitDetail["kind"]> = new Set(["msr", "port", "sysreg"]);

/**
 * What an exit was about: `write IA32_TSC_DEADLINE (0x6e0)`; undefined if it was about something else than a register or a port.
 * @param reason as its instruction set's manual numbers it
 * @param raw as the programs keep it
 */
export function detailWords(isa: string, reason: number, raw: bigint): string | undefined {
  const detail = exitDetail(isa, reason, raw);
  return detail && EXPORTED.has(detail.kind) ? detailText(detail) : undefined;
}
