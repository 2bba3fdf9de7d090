// SPDX-License-Identifier: MIT
// What users call a VM: its name or a pattern of names, its uuid, or the pid of the process that runs it.
import { nameMatcher } from "./glob";

/** What of a VM is looked at. */
export interface Named {
  readonly name: string;
  readonly pid: number;
  readonly uuid?: string;
}

/** Whether a VM is one that `text` calls. @param text a name, a pattern such as `web-*`, a uuid in either case, or a pid */
export function vmMatcher(text: string): (vm: Named) => boolean {
  const named = nameMatcher(text);
  const uuid = text.toLowerCase();
  return (vm) => named(vm.name) || String(vm.pid) === text || vm.uuid?.toLowerCase() === uuid;
}
