// SPDX-License-Identifier: MIT
// Hypercalls, by the interface that the guest speaks.
import { DETAIL } from "../contract";
import { bits, hex } from "./bits";
import { type Names, nameOf, namesOf } from "./names";

/** The interface that defines the numbers. */
export type HypercallInterface = "kvm" | "hyperv" | "xen" | "smccc" | "papr";

const NAMES: Readonly<Record<HypercallInterface, Names>> = {
  // include/uapi/linux/kvm_para.h
  kvm: namesOf(`
1 KVM_HC_VAPIC_POLL_IRQ
2 KVM_HC_MMU_OP
3 KVM_HC_FEATURES
4 KVM_HC_PPC_MAP_MAGIC_PAGE
5 KVM_HC_KICK_CPU
6 KVM_HC_MIPS_GET_CLOCK_FREQ
7 KVM_HC_MIPS_EXIT_VM
8 KVM_HC_MIPS_CONSOLE_OUTPUT
9 KVM_HC_CLOCK_PAIRING
10 KVM_HC_SEND_IPI
11 KVM_HC_SCHED_YIELD
12 KVM_HC_MAP_GPA_RANGE
`),
  // include/asm-generic/hyperv-tlfs.h
  hyperv: namesOf(`
0x2 HvFlushVirtualAddressSpace
0x3 HvFlushVirtualAddressList
0x8 HvNotifyLongSpinWait
0xb HvSendSyntheticClusterIpi
0xc HvModifyVtlProtectionMask
0xd HvEnablePartitionVtl
0xf HvEnableVpVtl
0x11 HvVtlCall
0x12 HvVtlReturn
0x13 HvFlushVirtualAddressSpaceEx
0x14 HvFlushVirtualAddressListEx
0x15 HvSendSyntheticClusterIpiEx
0x40 HvCreatePartition
0x43 HvGetPartitionProperty
0x46 HvGetPartitionId
0x48 HvDepositMemory
0x49 HvWithdrawMemory
0x4e HvCreateVp
0x50 HvGetVpRegisters
0x51 HvSetVpRegisters
0x5c HvPostMessage
0x5d HvSignalEvent
0x69 HvPostDebugData
0x6a HvRetrieveDebugData
0x6b HvResetDebugSession
0x7c HvMapDeviceInterrupt
0x7d HvUnmapDeviceInterrupt
0x7e HvRetargetDeviceInterrupt
0xaf HvFlushGuestPhysicalAddressSpace
0xb0 HvFlushGuestPhysicalAddressList
`),
  // Xen's public/xen.h
  xen: namesOf(`
0 set_trap_table
1 mmu_update
2 set_gdt
3 stack_switch
4 set_callbacks
5 fpu_taskswitch
6 sched_op_compat
7 platform_op
8 set_debugreg
9 get_debugreg
10 update_descriptor
12 memory_op
13 multicall
14 update_va_mapping
15 set_timer_op
16 event_channel_op_compat
17 xen_version
18 console_io
19 physdev_op_compat
20 grant_table_op
21 vm_assist
22 update_va_mapping_otherdomain
23 iret
24 vcpu_op
25 set_segment_base
26 mmuext_op
27 xsm_op
28 nmi_op
29 sched_op
30 callback_op
31 xenoprof_op
32 event_channel_op
33 physdev_op
34 hvm_op
35 sysctl
36 domctl
37 kexec_op
38 tmem_op
40 xenpmu_op
`),
  // Arm DEN0022 (PSCI), DEN0028 (SMCCC), DEN0098 (TRNG), DEN0057 (paravirtualised time); include/linux/arm-smccc.h.
  smccc: namesOf(`
0x80000000 SMCCC_VERSION
0x80000001 SMCCC_ARCH_FEATURES
0x80000002 SMCCC_ARCH_SOC_ID
0x80003fff SMCCC_ARCH_WORKAROUND_3
0x80007fff SMCCC_ARCH_WORKAROUND_2
0x80008000 SMCCC_ARCH_WORKAROUND_1
0x84000000 PSCI_VERSION
0x84000001 PSCI_CPU_SUSPEND
0x84000002 PSCI_CPU_OFF
0x84000003 PSCI_CPU_ON
0x84000004 PSCI_AFFINITY_INFO
0x84000005 PSCI_MIGRATE
0x84000006 PSCI_MIGRATE_INFO_TYPE
0x84000008 PSCI_SYSTEM_OFF
0x84000009 PSCI_SYSTEM_RESET
0x8400000a PSCI_FEATURES
0x8400000e PSCI_SYSTEM_SUSPEND
0x84000012 PSCI_SYSTEM_RESET2
0x84000050 TRNG_VERSION
0x84000051 TRNG_FEATURES
0x84000052 TRNG_GET_UUID
0x84000053 TRNG_RND
0xc4000001 PSCI_CPU_SUSPEND
0xc4000003 PSCI_CPU_ON
0xc4000004 PSCI_AFFINITY_INFO
0xc400000e PSCI_SYSTEM_SUSPEND
0xc4000012 PSCI_SYSTEM_RESET2
0xc4000053 TRNG_RND
0xc5000020 PV_TIME_FEATURES
0xc5000021 PV_TIME_ST
0x86000000 KVM_FEATURES
0x86000001 KVM_PTP
0x8600ff01 VENDOR_HYP_CALL_UID
`),
  // arch/powerpc/include/asm/hvcall.h
  papr: namesOf(`
0x4 H_REMOVE
0x8 H_ENTER
0xc H_READ
0x10 H_CLEAR_MOD
0x14 H_CLEAR_REF
0x18 H_PROTECT
0x1c H_GET_TCE
0x20 H_PUT_TCE
0x24 H_SET_SPRG0
0x28 H_SET_DABR
0x2c H_PAGE_INIT
0x3c H_LOGICAL_CI_LOAD
0x40 H_LOGICAL_CI_STORE
0x44 H_LOGICAL_CACHE_LOAD
0x48 H_LOGICAL_CACHE_STORE
0x4c H_LOGICAL_ICBI
0x50 H_LOGICAL_DCBF
0x54 H_GET_TERM_CHAR
0x58 H_PUT_TERM_CHAR
0x5c H_REAL_TO_LOGICAL
0x64 H_EOI
0x68 H_CPPR
0x6c H_IPI
0x70 H_IPOLL
0x74 H_XIRR
0x78 H_MIGRATE_DMA
0x7c H_PERFMON
0xdc H_REGISTER_VPA
0xe0 H_CEDE
0xe4 H_CONFER
0xe8 H_PROD
0xec H_GET_PPP
0xf0 H_SET_PPP
0xf4 H_PURR
0xf8 H_PIC
0xfc H_REG_CRQ
0x100 H_FREE_CRQ
0x104 H_VIO_SIGNAL
0x108 H_SEND_CRQ
0x110 H_COPY_RDMA
0x114 H_REGISTER_LOGICAL_LAN
0x118 H_FREE_LOGICAL_LAN
0x11c H_ADD_LOGICAL_LAN_BUFFER
0x120 H_SEND_LOGICAL_LAN
0x124 H_BULK_REMOVE
0x130 H_MULTICAST_CTRL
0x134 H_SET_XDABR
0x138 H_STUFF_TCE
0x13c H_PUT_TCE_INDIRECT
0x2a4 H_VASI_STATE
0x2b0 H_ENABLE_CRQ
0x2b8 H_GET_EM_PARMS
0x2d0 H_SET_MPP
0x2d4 H_GET_MPP
0x2dc H_REG_SUB_CRQ
0x2e0 H_FREE_SUB_CRQ
0x2e4 H_SEND_SUB_CRQ
0x2e8 H_SEND_SUB_CRQ_INDIRECT
0x2ec H_HOME_NODE_ASSOCIATIVITY
0x2f4 H_BEST_ENERGY
0x2fc H_XIRR_X
0x300 H_RANDOM
0x304 H_COP
0x314 H_GET_MPP_X
0x31c H_SET_MODE
0xf000 H_RTAS
`),
};

const INTERFACES: Readonly<Record<HypercallInterface, string>> = {
  kvm: "KVM",
  hyperv: "Hyper-V",
  xen: "Xen",
  smccc: "SMCCC",
  papr: "PAPR",
};

/** A hypercall. */
export interface Hypercall {
  readonly kind: "hypercall";
  /** The interface that defines the number. */
  readonly interface: HypercallInterface;
  readonly number: number;
}

// enum vmexit_hypercalls of bpf/contract/detail.h
const X86_INTERFACES = ["kvm", "hyperv", "xen"] as const;

/** @param raw bpf/contract/detail.h: the number, and its interface */
export function hypercallOf(raw: bigint): Hypercall {
  return {
    kind: "hypercall",
    interface: X86_INTERFACES[bits(raw, DETAIL.hypercallShift, 2)] ?? "kvm",
    number: bits(raw, 0, 32),
  };
}

/** Of arm64's HVC and SMC, by Arm's calling convention. */
export function functionOf(raw: bigint): Hypercall {
  return { kind: "hypercall", interface: "smccc", number: bits(raw, 0, 32) };
}

/** Of ppc64's system calls of level 1. */
export function paprCallOf(raw: bigint): Hypercall {
  return { kind: "hypercall", interface: "papr", number: bits(raw, 0, 32) };
}

/** `KVM_HC_SEND_IPI (10)`; without a name `hypercall 99 (Xen)`. */
export function hypercallText({ interface: from, number }: Hypercall): string {
  const name = nameOf(NAMES[from], number);
  // KVM's and Xen's own numbers are small.
  const text = /^(smccc|hyperv|papr)$/.test(from) || number > 0xffff ? hex(number) : String(number);
  if (name === undefined) return `hypercall ${text} (${INTERFACES[from]})`;
  return from === "xen" ? `Xen ${name} (${text})` : `${name} (${text})`;
}
