// SPDX-License-Identifier: MIT
// What a host is, for outputs that are read elsewhere.
import { cpus, machine, release } from "node:os";

/** The kernel's release, the machine as uname -m has it, and the processor's model, "" where it is unknown. */
export function aboutHost(): { kernel: string; machine: string; processor: string } {
  const processor = cpus()[0]?.model.trim() ?? "";
  return { kernel: release(), machine: machine(), processor: processor === "unknown" ? "" : processor };
}
