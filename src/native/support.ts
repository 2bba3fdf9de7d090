// SPDX-License-Identifier: MIT
// What the addon's programs would do on this host, asked without loading any.
import { DEFAULT_VCPUS } from "../contract";
import { Machine } from "../host/machine";
import { loadAddon } from "./load";

export interface Support {
  /** Version of the libbpf that the addon has. */
  readonly libbpf: string;
  /** Why programs can't attach directly here; undefined if they can. */
  readonly obstacle?: string;
  /** Memory in the kernel of a tool that counts or times exits, and of one that keeps histograms. */
  readonly countBytes: number;
  readonly histogramBytes: number;
}

/** @throws ToolError where the addon can't be loaded */
export function supportHere(machine = new Machine(), maxVcpus = DEFAULT_VCPUS): Support {
  const addon = loadAddon();
  addon.describeHost(machine.forAddon);
  return addon.support(maxVcpus);
}
