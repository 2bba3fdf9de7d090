// SPDX-License-Identifier: MIT
// Who has counted: the VM and the vCPU of each account, by one key for all of the suite.
import type { Snapshot } from "../native/vmexit";
import { type Vm, VmNames } from "../host/vm";
import { safeText } from "../text";
import type { Identity } from "./grouping";

// Enough to see what was meant.
const MAX_OTHERS = 5;

/** The key of vCPUs that ended longer ago, together. */
export const OTHERS = "others";

/** The VM that those vCPUs are listed under; no process has pid 0. */
export const OTHERS_VM: Vm = { pid: 0, startNs: 0, name: OTHERS, source: "ended" };

/** The key of a vCPU. @param vcpu as KVM numbers it; negative where the kernel doesn't tell, then the thread counts */
export function vcpuKey(pid: number, startNs: number, vcpu: number, tid: number): string {
  return `${pid}:${startNs}:${vcpu >= 0 ? vcpu : `t${tid}`}`;
}

/** A vCPU of a VM. @param vcpu as for vcpuKey() */
export function identityOf(vm: Vm, vcpu: number, tid: number): Identity {
  return vcpu >= 0 ? { vm, vcpu } : { vm, tid };
}

/** Knows the VMs and vCPUs of a session. */
export class Roster {
  readonly #names: Pick<VmNames, "of" | "late">;
  readonly #wanted: (vm: Vm) => boolean;
  readonly #identities = new Map<string, Identity>([[OTHERS, { vm: OTHERS_VM }]]);
  readonly #unwanted = new Set<string>();

  /**
   * @param wanted whether a VM is shown
   * @param names who knows the VMs
   */
  constructor(wanted: (vm: Vm) => boolean = () => true, names: Pick<VmNames, "of" | "late"> = new VmNames()) {
    this.#wanted = wanted;
    this.#names = names;
  }

  /** Another that knows the same VMs, for accounts of their own, which it forgets by itself. */
  sibling(): Roster {
    return new Roster(this.#wanted, this.#names);
  }

  /** The VM that a process is, undefined if it isn't wanted. */
  vmOf(pid: number, startNs: number, comm: string): Vm | undefined {
    const vm = this.#names.of(pid, startNs, comm);
    if (this.#wanted(vm)) return vm;
    if (this.#unwanted.size < MAX_OTHERS) this.#unwanted.add(safeText(vm.name));
    return undefined;
  }

  /** How many VMs ended before their names were read: they have their processes' names. */
  get late(): number {
    return this.#names.late;
  }

  /** The names of some VMs that aren't wanted, safe to print. */
  get unwanted(): readonly string[] {
    return [...this.#unwanted];
  }

  /** The key of the vCPU in a row of `snapshot.vcpus`; undefined if its VM isn't wanted. */
  keyOf(vcpus: Snapshot["vcpus"], row: number): string | undefined {
    const [pid, startNs] = [vcpus.tgid[row] ?? 0, vcpus.startNs[row] ?? 0];
    const vm = this.vmOf(pid, startNs, vcpus.comm[row] ?? "");
    if (!vm) return undefined;
    const [vcpu, tid] = [vcpus.vcpuId[row] ?? -1, vcpus.tid[row] ?? 0];
    const key = vcpuKey(pid, startNs, vcpu, tid);
    if (!this.#identities.has(key)) this.#identities.set(key, identityOf(vm, vcpu, tid));
    return key;
  }

  /** Who has that key: the same object until it is forgotten. */
  identity(key: string): Identity {
    return this.#identities.get(key) ?? {};
  }

  /** Drops who a vCPU was; a row that comes later brings it back as another. */
  forget(key: string): void {
    this.#identities.delete(key);
  }
}
