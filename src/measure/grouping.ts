// Which VM and vCPU a counter belongs to, as the user asked to see them.
import { byCodePoint } from "./order";
import type { GroupOf } from "./ledger";
import { type Vm, VmNames } from "../host/vm";
import { safeText } from "../text";

/** What a table of its own is printed for. */
export const GROUPINGS = ["reason", "vm", "vcpu"] as const;
export type By = (typeof GROUPINGS)[number];

// Enough to see what was meant.
const MAX_OTHERS = 5;

/** A group's VM and vCPU, as far as it has one. */
export interface Identity {
  readonly vm?: Vm;
  /** As KVM numbers them; undefined where the kernel doesn't tell. */
  readonly vcpu?: number;
  readonly tid?: number;
}

/** The order in which groups are shown: by VM's name, pid and start, and by vCPU. */
export function inOrderOfVms(a: Identity, b: Identity): number {
  return (
    byCodePoint(a.vm?.name ?? "", b.vm?.name ?? "") ||
    (a.vm?.pid ?? 0) - (b.vm?.pid ?? 0) ||
    (a.vm?.startNs ?? 0) - (b.vm?.startNs ?? 0) ||
    (a.vcpu ?? a.tid ?? 0) - (b.vcpu ?? b.tid ?? 0)
  );
}

/** Sorts vCPUs into groups, and remembers who they are. */
export class Grouping {
  readonly #by: By;
  readonly #names: Pick<VmNames, "of" | "late">;
  readonly #wanted: (name: string) => boolean;
  readonly #identities = new Map<string, Identity>();
  readonly #others = new Set<string>();

  /**
   * @param wanted whether a VM of this name is shown
   * @param names who knows the VMs
   */
  constructor(
    by: By,
    wanted: (name: string) => boolean = () => true,
    names: Pick<VmNames, "of" | "late"> = new VmNames(),
  ) {
    this.#by = by;
    this.#wanted = wanted;
    this.#names = names;
  }

  /** The VM that a process is, undefined if it isn't wanted. */
  vmOf(pid: number, startNs: number, comm: string): Vm | undefined {
    const vm = this.#names.of(pid, startNs, comm);
    if (this.#wanted(vm.name)) return vm;
    if (this.#others.size < MAX_OTHERS) this.#others.add(safeText(vm.name));
    return undefined;
  }

  /** How many VMs ended before their names were read: they have their processes' names. */
  get late(): number {
    return this.#names.late;
  }

  /** The names of some VMs that aren't wanted, safe to print. */
  get others(): readonly string[] {
    return [...this.#others];
  }

  readonly groupOf: GroupOf = (vcpus, row) => {
    const vm = this.vmOf(vcpus.tgid[row] ?? 0, vcpus.startNs[row] ?? 0, vcpus.comm[row] ?? "");
    if (!vm) return undefined;
    if (this.#by === "reason") return "";
    const id = vcpus.vcpuId[row] ?? -1;
    const tid = vcpus.tid[row] ?? 0;
    const vcpu = id >= 0 ? { vcpu: id } : { tid };
    const machine = `${vm.pid}:${vm.startNs}`;
    const key = this.#by === "vm" ? machine : `${machine}:${id >= 0 ? id : `t${tid}`}`;
    if (!this.#identities.has(key)) this.#identities.set(key, this.#by === "vm" ? { vm } : { vm, ...vcpu });
    return key;
  };

  /** Who a group is; nobody in particular for all exits together. */
  identity(key: string): Identity {
    return this.#identities.get(key) ?? {};
  }

  /** Drops who a group was; a row that comes later brings it back. */
  forget(key: string): void {
    this.#identities.delete(key);
  }

  /** Group keys in the order to show them. */
  sorted(keys: Iterable<string>): string[] {
    return [...keys].sort((a, b) => inOrderOfVms(this.identity(a), this.identity(b)));
  }
}

/** How a group is titled above its table: `VM web1 (4242), vCPU 3`; "" for all exits together. */
export function titleOf({ vm, vcpu, tid }: Identity): string {
  if (!vm) return "";
  const part = vcpu !== undefined ? `, vCPU ${vcpu}` : tid !== undefined ? `, thread ${tid}` : "";
  return `VM ${safeText(vm.name)} (${vm.pid})${part}`;
}
