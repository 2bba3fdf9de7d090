// SPDX-License-Identifier: MIT
// s390x's interception codes: arch/s390/include/uapi/asm/sie.h of Linux 6.18, as names.
import { plainTable } from "./table";

export const S390X_REASONS: ReadonlyMap<number, string> = new Map([
  [0x00, "HOST_INTERRUPTION"],
  [0x04, "INSTRUCTION"],
  [0x08, "PROGRAM_INTERRUPTION"],
  [0x0c, "INSTRUCTION_AND_PROGRAM_INTERRUPTION"],
  [0x10, "EXTERNAL_REQUEST"],
  [0x14, "EXTERNAL_INTERRUPTION"],
  [0x18, "I_O_REQUEST"],
  [0x1c, "WAIT_STATE"],
  [0x20, "VALIDITY"],
  [0x28, "STOP_REQUEST"],
  [0x2c, "OPERATION_EXCEPTION"],
  [0x38, "PARTIAL_EXECUTION"],
  [0x3c, "I_O_INTERRUPTION"],
  [0x40, "I_O_INSTRUCTION"],
  [0x48, "TIMING_SUBSET"],
]);

/** WAIT_STATE; HOST_INTERRUPTION. Faults on memory are program interruptions, as much else is. */
export const S390X = plainTable(S390X_REASONS, {
  idle: new Set([0x1c]),
  roles: { pause: [], interrupt: [0], fault: [] },
});
