// The VMs of recordings.
import type { Vm } from "../host/vm";

/** A VM of a recording; /proc, which knows names, was another machine's or another day's. */
export function vmOfRecording(pid: number): Vm {
  return { pid, startNs: 0, name: `pid ${pid}`, source: "process" };
}
