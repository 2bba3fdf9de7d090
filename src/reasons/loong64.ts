// SPDX-License-Identifier: MIT
// loong64's exception codes, ESTAT.Ecode: arch/loongarch/include/asm/loongarch.h and arch/loongarch/kvm/trace.h of Linux 6.18.
import { plainTable } from "./table";

export const LOONG64_REASONS: ReadonlyMap<number, string> = new Map([
  [0, "RSV"],
  [1, "TLBL"],
  [2, "TLBS"],
  [3, "TLBI"],
  [4, "TLBM"],
  [5, "TLBNR"],
  [6, "TLBNX"],
  [7, "TLBPE"],
  [8, "ADE"],
  [9, "ALE"],
  [10, "BCE"],
  [11, "SYS"],
  [12, "BP"],
  [13, "INE"],
  [14, "IPE"],
  [15, "FPDIS"],
  [16, "LSXDIS"],
  [17, "LASXDIS"],
  [18, "FPE"],
  [19, "WATCH"],
  [20, "BTDIS"],
  [21, "BTE"],
  [22, "GSPR"],
  [23, "HVC"],
  [24, "GCM"],
  [25, "SE"],
  [64, "IDLE"],
  [65, "CACHE"],
]);

/** IDLE; code 0 is an interrupt's; faults of the guest's translations. */
export const LOONG64 = plainTable(LOONG64_REASONS, {
  idle: new Set([64]),
  roles: { pause: [], interrupt: [0], fault: [1, 2, 3, 4] },
});
