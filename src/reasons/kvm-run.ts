// SPDX-License-Identifier: MIT
// Why KVM_RUN returned to the VMM: KVM_EXIT_*, or the errno of its failure as a negative number.
import { USERSPACE_REASONS } from "./userspace";

/** By number: those of a returned KVM_RUN, and the failures that it has (virt/kvm/kvm_main.c, arch/x86/kvm/x86.c). */
export const KVM_RUN_REASONS: ReadonlyMap<number, string> = new Map([
  ...USERSPACE_REASONS,
  [-4, "EINTR"],
  [-5, "EIO"],
  [-8, "ENOEXEC"],
  [-11, "EAGAIN"],
  [-12, "ENOMEM"],
  [-13, "EACCES"],
  [-14, "EFAULT"],
  [-16, "EBUSY"],
  [-22, "EINVAL"],
  [-133, "EHWPOISON"],
]);

/** KVM_EXIT_HLT: the VMM is to wait for an interrupt. */
export const KVM_RUN_IDLE: ReadonlySet<number> = new Set([5]);
