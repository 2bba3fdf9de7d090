// SPDX-License-Identifier: MIT
// One line for each slow exit.
import { isoTime, timeOfDay } from "../local-time";
import type { SlowExit } from "../measure/slow-exit";
import { labelWidth, reasonLabel } from "../reasons";
import { csvText, safeText } from "../text";
import { csvLine } from "./csv";
import { type Unit, inUnit } from "./units";

/** What a line has in addition to reason, time and level. */
export interface SlowFormat {
  readonly unit: Unit;
  /** Put the time of day first. */
  readonly timeOfDay: boolean;
  /** VM, pid, vCPU, guest RIP and details. */
  readonly wide: boolean;
}

const vcpuOf = ({ vcpu }: SlowExit) => (vcpu === undefined ? "-" : String(vcpu));

/** A line as a person reads it: number, name, time, (L1|L2). */
export function slowLine(exit: SlowExit, format: SlowFormat): string {
  const line = [
    reasonLabel(exit.reason).padStart(labelWidth(exit.isa)),
    safeText(exit.name ?? "UNKNOWN").padEnd(18),
    inUnit(exit.ns, format.unit).padStart(8),
    `(L${exit.level})`,
  ];
  if (format.timeOfDay) line.unshift(timeOfDay(exit.end));
  if (format.wide) {
    const { vm, rip = "0x0", details = "" } = exit;
    line.push(safeText(vm.name), String(vm.pid), `vCPU ${vcpuOf(exit)}`, `rip ${rip}`, details);
  }
  return line.join(" ").trimEnd();
}

/** The heading of the CSV. */
export const SLOW_CSV_HEADING = "time,vm,pid,vcpu,isa,reason,name,level,ns,rip,details";

/** A row of CSV. @param local whether times are local ones with their offset from UTC, in place of UTC */
export function slowCsv(exit: SlowExit, local = false): string {
  const { vm, isa, reason, name = "", level, ns, rip = "", details = "" } = exit;
  return csvLine([
    isoTime(exit.end, local),
    csvText(vm.name),
    vm.pid,
    vcpuOf(exit),
    isa,
    reason,
    name,
    level,
    ns,
    rip,
    details,
  ]);
}
