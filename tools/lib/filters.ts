// What a user wants to see of a trace: reasons, VMs, vCPUs; and what to say where that is nothing.
import { UsageError } from "../../src/errors";
import { ReasonFilter } from "../../src/reason-filter";
import type { Isa } from "../../src/reasons";
import { runsVm } from "../../src/vm";
import type { SharedOptions } from "./options";
import { diagnose } from "./output";

/**
 * The reasons that the options ask for.
 * @throws UsageError naming what isn't a reason of this instruction set, or that nothing is left
 */
export function reasonFilter(isa: Isa, options: SharedOptions): ReasonFilter {
  const filter = new ReasonFilter(isa, options);
  if (filter.only?.size === 0)
    throw new UsageError("--excludes leaves out every reason that is asked for; leave one of the two out");
  return filter;
}

/**
 * Says which of the processes to trace run no VM yet.
 * @throws ToolError if one isn't there
 */
export function checkPids(pids: readonly number[] = []): void {
  for (const pid of pids)
    if (!runsVm(pid)) diagnose(`Process ${pid} runs no VM now; its exits count as soon as it does.`);
}

/**
 * How many VMs have their programs' names; undefined if none.
 * @param byName whether VMs are chosen by name, which these may have been
 */
export function lateNames(count: number, byName: boolean): string | undefined {
  if (count === 0) return undefined;
  const them =
    count === 1
      ? "1 VM ended before its name was read: it has its"
      : `${count} VMs ended before their names were read: they have their`;
  return `${them} program's name${byName ? ", and --vm may have left their exits out" : ""}.`;
}

/**
 * Why nothing was shown.
 * @param others names of VMs that had exits and aren't those asked for
 */
export function whyNothing(options: SharedOptions, others: readonly string[]): string {
  if (options.vm !== undefined && others.length > 0)
    return `There were no exits of VMs called "${options.vm}"; there were of ${others.join(", ")}.`;
  const { pid, vm, vcpu, reasons, excludes } = options;
  const given = Object.entries({ pid, vm, vcpu, reasons, excludes }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`],
  );
  return given.length > 0
    ? `There were no exits that ${given.join(", ")} let${given.length === 1 ? "s" : ""} through.`
    : "There were no exits; is a VM running?";
}
