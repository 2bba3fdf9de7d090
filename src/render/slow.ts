// One line for each slow exit.
import { timeOfDay } from "../local-time";
import type { SlowExit } from "../native/vmexit";
import { isaName, labelWidth, reasonLabel, reasonName, reasonNumber } from "../reasons";
import { exitDetails } from "../details/exit";
import type { Vm } from "../host/vm";
import { csvLine } from "./csv";
import { safeText } from "../text";
import { type Unit, inUnit } from "./units";

/** What a line tells besides reason, time and level. */
export interface SlowFormat {
  readonly unit: Unit;
  /** Put the time of day first. */
  readonly timeOfDay: boolean;
  /** VM, pid, vCPU, guest RIP and details. */
  readonly wide: boolean;
}

const vcpuOf = (exit: SlowExit) => (exit.vcpuId >= 0 ? String(exit.vcpuId) : "-");

/** A line as a person reads it: number, name, time, (L1|L2). */
export function slowLine(
  exit: SlowExit,
  vm: Vm,
  time: Date,
  format: SlowFormat,
  details = exitDetails(exit),
): string {
  const isa = isaName(exit.isa);
  const number = reasonNumber(isa, exit.reason);
  const line = [
    reasonLabel(number).padStart(labelWidth(isa)),
    safeText(reasonName(isa, number) ?? "UNKNOWN").padEnd(18),
    inUnit(exit.ns, format.unit).padStart(8),
    `(L${exit.level})`,
  ];
  if (format.timeOfDay) line.unshift(timeOfDay(time));
  if (format.wide) {
    const rip = `rip 0x${exit.rip.toString(16)}`;
    line.push(safeText(vm.name), String(exit.tgid), `vCPU ${vcpuOf(exit)}`, rip, details);
  }
  return line.join(" ").trimEnd();
}

/** The heading of the CSV. */
export const SLOW_CSV_HEADING = "time,vm,pid,vcpu,isa,reason,name,level,ns,rip,details";

/** A row of CSV. */
export function slowCsv(exit: SlowExit, vm: Vm, time: Date, details = exitDetails(exit)): string {
  const isa = isaName(exit.isa);
  const number = reasonNumber(isa, exit.reason);
  const who = [time.toISOString(), vm.name, exit.tgid, vcpuOf(exit)];
  const what = [isa, number, reasonName(isa, number) ?? "", exit.level, exit.ns];
  return csvLine([...who, ...what, `0x${exit.rip.toString(16)}`, details]);
}

/** A line of JSON. */
export function slowJson(
  tool: string,
  exit: SlowExit,
  vm: Vm,
  time: Date,
  details = exitDetails(exit),
): string {
  const isa = isaName(exit.isa);
  const number = reasonNumber(isa, exit.reason);
  return JSON.stringify({
    schema: "kvm-vmexit/1",
    tool,
    time: time.toISOString(),
    slow: {
      vm: vm.name,
      pid: exit.tgid,
      tid: exit.tid,
      vcpu: exit.vcpuId >= 0 ? exit.vcpuId : null,
      isa,
      reason: number,
      name: reasonName(isa, number) ?? null,
      level: exit.level,
      ns: exit.ns,
      rip: `0x${exit.rip.toString(16)}`,
      details,
    },
  });
}
