// SPDX-License-Identifier: MIT
// The VMs of recordings.
import type { Vm } from "../host/vm";

/** In place of a process: of threads that are counted together, since there were too many. */
export const OTHERS_PID = 0;

/** A VM of a recording; /proc, which knows names, was another machine's or another day's. */
export function vmOfRecording(pid: number): Vm {
  return { pid, startNs: 0, name: pid === OTHERS_PID ? "others" : `pid ${pid}`, source: "process" };
}
