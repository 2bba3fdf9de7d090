// SPDX-License-Identifier: MIT
// Where this machine shows KVM's counters and tracepoints, and what to say where it doesn't.
import { readdirSync } from "node:fs";
import { ToolError } from "../errors";
import { exists } from "../host/read";
import { openCounters } from "../native/stat";
import { Machine } from "../host/machine";
import { TRACING, preflight } from "../host/preflight";
import { learnReasons } from "../reasons";
import { DebugfsProvider } from "./debugfs";
import type { Processes } from "./guests";
import { Refusal, fieldFilter, type StatOptions } from "./options";
import { TracepointProvider, indexedEvents } from "./tracepoints";

/** The folder of KVM's tracepoints' file system, undefined where the kernel has none or it is not mounted. */
export function tracingFolder(): string | undefined {
  return new Machine().tracefs;
}

/**
 * KVM's folder in debugfs.
 * @throws Refusal in kvm_stat's words if debugfs or KVM is missing
 * @throws ToolError if it may not be read
 */
function debugfsFolder({ debugfs }: Machine): string {
  if (debugfs === undefined)
    throw new Refusal(
      "Please make sure that CONFIG_DEBUG_FS is enabled in your kernel, mounted and\n" +
        "readable by the current user:\n('mount -t debugfs debugfs /sys/kernel/debug')",
    );
  try {
    readdirSync(debugfs);
  } catch {
    throw new ToolError(`debugfs (${debugfs}) can be read by root; run it with sudo`);
  }
  if (!exists(`${debugfs}/kvm`))
    throw new Refusal(
      "Please make sure that CONFIG_KVM is enabled in your kernel and that the modules are loaded.",
    );
  return `${debugfs}/kvm`;
}

/** What keeps root from reading debugfs. */
function obstacle({ lockdown }: Machine): string {
  if (lockdown === "none" || lockdown === "absent") return "";
  return `: kernel lockdown, as with Secure Boot, ${lockdown === undefined ? "may forbid" : "forbids"} it`;
}

/**
 * @param isAlone whether no tracepoints are counted
 * @throws as debugfsFolder() and DebugfsProvider do
 */
export function openDebugfs(options: StatOptions, processes: Processes, isAlone: boolean): DebugfsProvider {
  const machine = new Machine();
  const source = {
    folder: debugfsFolder(machine),
    processes,
    includePast: options.debugfsIncludePast,
    obstacle: obstacle(machine),
    isAlone,
  };
  return new DebugfsProvider(source, fieldFilter(options.fields), options.pid);
}

/**
 * @param tracing the folder that tracingFolder() found
 * @throws ToolError naming what is missing and the command that mends it
 */
export function openTracepoints(
  options: StatOptions,
  processes: Processes,
  tracing: string,
): TracepointProvider {
  const machine = new Machine();
  const kind = preflight(machine, TRACING);
  learnReasons(machine.formatOf("kvm_exit") ?? "");
  const folders = readdirSync(`${tracing}/events/kvm`, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  const present = new Set(folders.map((entry) => entry.name));
  const events = indexedEvents([...present]);
  const counters = openCounters(events, machine);
  const processOf = (id: number): number => processes.processOf(id) ?? id;
  try {
    const source = { counters, events, present, kind, processOf };
    return new TracepointProvider(source, fieldFilter(options.fields), options.pid);
  } catch (error) {
    counters.close();
    throw error;
  }
}
