// SPDX-License-Identifier: MIT
// What this host is: each fact is found in one way, when it is first asked for, and kept.
import { release } from "node:os";
import { ISA } from "../contract";
import type { Isa } from "../reasons";
import { type Mount, readMounts } from "./mounts";
import { type Processor, processorIsa, readProcessor } from "./processor";
import { exists, listFolder, readExcerpt, readText } from "./read";

/** Where a machine is looked at; another root lets tests make up machines. */
export interface Place {
  /** Folder that takes the place of /. */
  readonly root?: string;
  /** As process.arch. */
  readonly arch?: string;
}

/** What drives the processor's virtualisation. */
export interface Kvm {
  /** The module, built in or loaded. */
  readonly module: string;
  /** The instruction set of the codes in kvm_exit. */
  readonly isa: Isa;
  /** False: a module that is neither Intel's nor AMD's, whose structs the programs don't know. */
  readonly isKnown: boolean;
}

/** What the process may do. */
export interface Privileges {
  readonly isRoot: boolean;
  /** Whether it has the capability of this number in effect. */
  readonly has: (capability: bigint) => boolean;
}

/** Kernel lockdown; "absent": the kernel has none; undefined: securityfs isn't mounted. */
export type Lockdown = "none" | "integrity" | "confidentiality" | "absent" | undefined;

/** The modules of KVM that the programs know, with the instruction set of each. */
const VENDORS: readonly (readonly [module: string, isa: "svm" | "vmx"])[] = [
  ["kvm_amd", "svm"],
  ["kvm_intel", "vmx"],
];
/** Of architectures with one instruction set, as process.arch: what drives KVM there. */
const ONE_ISA: Readonly<Record<string, Kvm>> = {
  arm64: { module: "kvm", isa: "arm64", isKnown: true },
  riscv64: { module: "kvm", isa: "riscv64", isKnown: true },
  ppc64: { module: "kvm_hv", isa: "ppc64", isKnown: true },
};
/** Tracepoints of POWER's KVM HV that have a system and names of their own. */
export const KVM_HV: Readonly<Record<string, string>> = {
  kvm_exit: "kvm_hv/kvm_guest_exit",
  kvm_entry: "kvm_hv/kvm_guest_enter",
};
/** The architectures whose exits can be traced, as process.arch, and as people call them. */
export const TRACED: ReadonlyMap<string, string> = new Map([
  ["x64", "x86-64"],
  ...Object.keys(ONE_ISA).map((arch) => [arch, arch === "ppc64" ? "ppc64le" : arch] as const),
]);
const MAX_HOLDERS = 64;
const MAX_FORMAT = 2 ** 18;
// BTF of a distribution's kernel has 4 to 8 MiB.
const MAX_BTF = 2 ** 26;

const TRACEFS = "/sys/kernel/tracing";
const DEBUGFS = "/sys/kernel/debug";

/** This host, or one made up for a test. */
export class Machine {
  readonly root: string;
  readonly arch: string;
  readonly #facts = new Map<string, unknown>();

  constructor({ root = "", arch = process.arch }: Place = {}) {
    this.root = root;
    this.arch = arch;
  }

  #once<T>(fact: string, find: () => T): T {
    if (!this.#facts.has(fact)) this.#facts.set(fact, find());
    return this.#facts.get(fact) as T;
  }

  /** The beginning of a small file, "" where it can't be read. */
  text(path: string): string {
    return readText(this.root + path);
  }

  has(path: string): boolean {
    return exists(this.root + path);
  }

  /** Whether a folder is there which this process may not look into. */
  isClosed(path: string): boolean {
    return listFolder(this.root + path, 1).state === "denied";
  }

  /** Undefined where /proc isn't mounted. */
  get privileges(): Privileges | undefined {
    return this.#once("privileges", () => {
      const status = this.text("/proc/self/status");
      if (status === "") return undefined;
      const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
      return {
        isRoot: /^Uid:\s+\d+\s+0\s/m.test(status),
        has: (capability: bigint) => (capabilities >> capability) % 2n === 1n,
      };
    });
  }

  /** The kernel's release, such as `6.1.0-18-amd64`. */
  get release(): string {
    return this.#once("release", () => this.text("/proc/sys/kernel/osrelease").trim() || release());
  }

  /** Whether the kernel's version is at least this; a release without a version is taken for a new one. */
  isAtLeast(major: number, minor: number): boolean {
    const [, ours, oursMinor] = /^(\d+)\.(\d+)/.exec(this.release) ?? [];
    if (ours === undefined) return true;
    return Number(ours) > major || (Number(ours) === major && Number(oursMinor) >= minor);
  }

  /** Whether the kernel's own BTF has this name. Reads all of it: some 10 ms. */
  hasBtfName(name: string): boolean {
    return this.#once(`btf ${name}`, () =>
      readExcerpt(`${this.root}/sys/kernel/btf/vmlinux`, MAX_BTF).text.includes(`\0${name}\0`),
    );
  }

  get mounts(): readonly Mount[] {
    return this.#once("mounts", () => readMounts(this.root));
  }

  /** Where a file system of this type is mounted whole, in the order of the mounts. */
  #mounted(type: string): string[] {
    return this.mounts.filter((mount) => mount.type === type).map((mount) => mount.path);
  }

  /** Where debugfs is mounted, without the root. */
  get debugfs(): string | undefined {
    return this.#once("debugfs", () => {
      const [mounted] = this.#mounted("debugfs");
      return mounted ?? (this.has(`${DEBUGFS}/kvm`) ? DEBUGFS : undefined);
    });
  }

  /** Where tracefs is, without the root: mounted by itself, or within debugfs. It may be empty, or closed to this process. */
  get tracefs(): string | undefined {
    return this.#once("tracefs", () => {
      const mounted = this.#mounted("tracefs");
      const within = [...this.#mounted("debugfs"), DEBUGFS].map((path) => `${path}/tracing`);
      const places = [...mounted, TRACEFS, ...within];
      return places.find((path) => this.has(`${path}/events`)) ?? mounted[0];
    });
  }

  /** Where a tracepoint of KVM's is in tracefs's events. */
  #placeOf(tracepoint: string): string {
    return (this.arch === "ppc64" ? KVM_HV[tracepoint] : undefined) ?? `kvm/${tracepoint}`;
  }

  /** Whether tracefs lists a tracepoint of KVM's. */
  hasTracepoint(name: string): boolean {
    return this.tracefs !== undefined && this.has(`${this.tracefs}/events/${this.#placeOf(name)}`);
  }

  /** What tracefs says of the payload of a tracepoint of KVM's; undefined if this kernel has no such tracepoint. */
  formatOf(tracepoint: string): string | undefined {
    if (this.tracefs === undefined) return undefined;
    const path = `${this.root}${this.tracefs}/events/${this.#placeOf(tracepoint)}/format`;
    const { state, text } = readExcerpt(path, MAX_FORMAT);
    return state === "read" ? text : undefined;
  }

  /** What the addon has to know. */
  get forAddon() {
    const { tracefs = "", kvm } = this;
    return { tracefs, module: kvm?.module ?? "", isa: kvm?.isa ?? "", isaNumber: kvm ? ISA[kvm.isa] : 0 };
  }

  get lockdown(): Lockdown {
    return this.#once("lockdown", (): Lockdown => {
      const [, mode] = /\[(\w+)\]/.exec(this.text("/sys/kernel/security/lockdown")) ?? [];
      if (mode === "none" || mode === "integrity" || mode === "confidentiality") return mode;
      // securityfs always has the list of security modules.
      return this.has("/sys/kernel/security/lsm") ? "absent" : undefined;
    });
  }

  get processor(): Processor {
    return this.#once("processor", () => readProcessor(this.root));
  }

  /** Whether KVM has registered its device, which it does once a module drives this processor. */
  get hasKvmDevice(): boolean {
    return this.has("/sys/class/misc/kvm");
  }

  /** What drives this processor's virtualisation; undefined if nothing does. */
  get kvm(): Kvm | undefined {
    return this.#once("kvm", () => this.#findKvm());
  }

  #findKvm(): Kvm | undefined {
    if (this.arch !== "x64") return ONE_ISA[this.arch];
    const present = VENDORS.filter(([module]) => this.has(`/sys/module/${module}`));
    // A module that was loaded has found its processor. One that is built in has its folder on any processor, if it has
    // parameters.
    const loaded = present.find(([module]) => this.has(`/sys/module/${module}/initstate`));
    if (loaded) return { module: loaded[0], isa: loaded[1], isKnown: true };
    const foreign = this.#foreignModule();
    const isa = processorIsa(this.processor);
    // kvm_pvm marks its exits as VMX's.
    if (foreign !== undefined) return { module: foreign, isa: "vmx", isKnown: false };
    const builtIn = present.find(([, its]) => its === isa) ?? (isa === undefined ? present[0] : undefined);
    if (builtIn && (this.processor.virtualisation !== "none" || this.hasKvmDevice))
      return { module: builtIn[0], isa: builtIn[1], isKnown: true };
    return this.hasKvmDevice ? { module: "kvm", isa: isa ?? "vmx", isKnown: false } : undefined;
  }

  /** A module that uses KVM as a processor's does, and is neither Intel's nor AMD's. */
  #foreignModule(): string | undefined {
    const holders = listFolder(`${this.root}/sys/module/kvm/holders`, MAX_HOLDERS).names;
    const known = VENDORS.map(([module]) => module);
    const found = holders.find((name) => name.startsWith("kvm_") && !known.includes(name));
    return found ?? (this.has("/sys/module/kvm_pvm/initstate") ? "kvm_pvm" : undefined);
  }

  /** What /proc keeps from this process: other users' processes (hidepid), and all that is no process (subset=pid). */
  get hiddenByProc(): { readonly processes: boolean; readonly rest: boolean } {
    return this.#once("hiddenByProc", () => {
      const { options = [] } = this.mounts.find(({ path }) => path === "/proc") ?? {};
      return {
        processes: options.some((option) => /^hidepid=(?!0$|off$)/.test(option)),
        rest: options.includes("subset=pid"),
      };
    });
  }
}
