// SPDX-License-Identifier: MIT
/** The file that `record` writes, and that is read, where none is named. */
export const DEFAULT_RECORDING = "kvm-trace.bin";
