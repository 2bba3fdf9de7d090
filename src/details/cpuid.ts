// SPDX-License-Identifier: MIT
// CPUID's leaves: Intel SDM volume 2, AMD APM volume 3, Documentation/virt/kvm/x86/cpuid.rst.
import { DETAIL } from "../contract";
import { bits, hex } from "./bits";
import { type Names, nameOf, namesOf } from "./names";

const LEAVES: Names = namesOf(
  `
0x0 vendor
0x1 features
0x2 caches
0x3 serial number
0x4 caches
0x5 MONITOR/MWAIT
0x6 power management
0x7 extended features
0x9 direct cache access
0xa performance monitoring
0xb topology
0xd XSAVE state
0xf resource monitoring
0x10 resource allocation
0x12 SGX
0x14 processor trace
0x15 TSC frequency
0x16 processor frequency
0x17 SoC vendor
0x18 TLBs
0x19 key locker
0x1a hybrid
0x1b PCONFIG
0x1c last branch records
0x1d tiles
0x1e TMUL
0x1f topology
0x21 TDX
0x24 AVX10
0x40000000 hypervisor
0x40000001 hypervisor features
0x40000002 hypervisor version
0x40000003 Hyper-V features
0x40000004 Hyper-V recommendations
0x40000005 Hyper-V limits
0x40000010 TSC and APIC frequency
0x40000100 hypervisor
0x40000200 to 0x4000ffff: search for a hypervisor
0x80000000 extended
0x80000001 extended features
0x80000002 brand
0x80000003 brand
0x80000004 brand
0x80000005 L1 caches and TLBs
0x80000006 L2 and L3 caches
0x80000007 power management
0x80000008 address sizes
0x8000000a SVM
0x80000019 TLBs
0x8000001a performance
0x8000001b IBS
0x8000001d caches
0x8000001e topology
0x8000001f memory encryption
0x80000020 platform QoS
0x80000021 extended features 2
0x80000022 performance monitoring
0x80000026 topology
`,
);

// The leaves whose answer depends on ECX; of others a guest may leave anything there.
const WITH_SUBLEAF = new Set([
  0x4, 0x7, 0xb, 0xd, 0xf, 0x10, 0x12, 0x14, 0x17, 0x18, 0x1a, 0x1b, 0x1d, 0x1e, 0x1f, 0x20, 0x23, 0x24,
  0x8000001d, 0x80000020, 0x80000026,
]);

/** A leaf of CPUID that was asked for. */
export interface CpuidLeaf {
  readonly kind: "cpuid";
  readonly leaf: number;
  /** 0, too, for leaves that have none. */
  readonly subleaf: number;
}

/** Whether a leaf's answer depends on ECX. */
export function hasSubleaves(leaf: number): boolean {
  return WITH_SUBLEAF.has(leaf);
}

/** The leaf as the programs keep it. */
export function canonicalNumber(leaf: number): number {
  const { cpuidSearch, cpuidSearched } = DETAIL;
  return leaf >= cpuidSearch && leaf < cpuidSearch + cpuidSearched ? cpuidSearch : leaf;
}

/** @param raw bpf/contract/detail.h: the leaf, and ECX from bit 32 on */
export function cpuidOf(raw: bigint): CpuidLeaf {
  const leaf = canonicalNumber(bits(raw, 0, 32));
  return { kind: "cpuid", leaf, subleaf: hasSubleaves(leaf) ? bits(raw, 32, 32) : 0 };
}

/** What the programs keep of a leaf, without ECX where it means nothing. */
export function canonicalLeaf(raw: bigint): bigint {
  const { leaf, subleaf } = cpuidOf(raw);
  return BigInt(leaf) | (BigInt(subleaf) << 32n);
}

/** `leaf 0x40000000 (hypervisor)`, `leaf 0x7 subleaf 0x1 (extended features)`. */
export function cpuidText({ leaf, subleaf }: CpuidLeaf): string {
  const name = nameOf(LEAVES, leaf);
  const which = `leaf ${hex(leaf)}${subleaf === 0 ? "" : ` subleaf ${hex(subleaf)}`}`;
  return name === undefined ? which : `${which} (${name})`;
}
