/*
 * Returns of KVM_RUN to the VMM, one more use of the span: it begins where KVM_RUN returns and ends at the
 * vCPU's next KVM_RUN. Its keys have ISA_KVM_RUN in place of an instruction set. These programs are loaded
 * instead of those on exits, and use the same span of the account.
 */
#ifndef VMEXIT_KVM_RUN_BPF_H
#define VMEXIT_KVM_RUN_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../contract/isa.h"
#include "../kernel/types.h"
#include "maps.bpf.h"
#include "span.bpf.h"
#include "thread-owner.bpf.h"

/* KVM_RUN returned `status`; a failure's reason is its errno, since exit_reason may be an earlier one's. */
static __always_inline int run_returned(struct vmexit_account *account, __u32 exit_reason, int status)
{
	__u32 reason = status < 0 ? (__u32)status : exit_reason;

	span_file_unfinished(account, &account->exit, 1);
	span_begin(&account->exit, VMEXIT_KEY_TAKEN | (__u64)ISA_KVM_RUN << VMEXIT_KEY_ISA_SHIFT | reason, 1);
	return 0;
}

/* The account of the vCPU whose KVM_RUN returns on this thread. One whose KVM_RUN began before the programs
 * were there has none yet: its id is known when it is entered. */
static __always_inline struct vmexit_account *thread_for_return(void)
{
	struct vmexit_account *account = thread_last();

	return account ? account : thread_for_exit(bpf_get_current_pid_tgid(), -1);
}

/* The account of the vCPU that this thread enters. */
static __always_inline struct vmexit_account *thread_for_run(int vcpu_id)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct vmexit_account *account = account_lookup(thread, thread);

	if (account && account->vcpu_id < 0)
		account->vcpu_id = vcpu_id;
	return thread_for_exit(thread, vcpu_id);
}

#endif
