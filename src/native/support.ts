// SPDX-License-Identifier: MIT
// What the addon's programs would do on this host, asked without loading any.
import { DEFAULT_VCPUS } from "../contract";
import { Machine } from "../host/machine";
import { addonPlace, loadAddon } from "./load";

export interface Support {
  /** Version of the package that the addon was built for. */
  readonly addon: string;
  /** Where the addon is, in the package. */
  readonly place: string;
  /** Version of the libbpf that the addon has. */
  readonly libbpf: string;
  /** Why programs can't attach directly here; undefined if they can. */
  readonly obstacle?: string;
  /** Then also why they can't attach to raw tracepoints that are given the reason and the vCPU; undefined if they can. */
  readonly rawObstacle?: string;
  /** Bytes in the kernel of a tool that counts or times exits, also with their details or histograms, and of one that splits time. */
  readonly memory: Readonly<Record<"counts" | "details" | "histograms" | "split", number>>;
}

/** @throws ToolError where the addon can't be loaded */
export function supportHere(machine = new Machine(), maxVcpus = DEFAULT_VCPUS): Support {
  const addon = loadAddon();
  addon.describeHost(machine.forAddon);
  return { ...addon.support(maxVcpus), place: addonPlace() };
}
