// SPDX-License-Identifier: MIT
// Lists of vCPU ids, as users write them.
import { UsageError } from "../errors";

// KVM_MAX_VCPU_IDS: 4,096 vCPUs, whose ids may be four times as large (arch/x86/include/asm/kvm_host.h).
const MAX_ID = 4 * 4096 - 1;

/**
 * The ids in a list such as `0,2-5`, ascending, each once.
 * @param what whose value it is, for the message
 * @throws UsageError
 */
export function parseVcpus(what: string, list: string): number[] {
  const ids = new Set<number>();
  const words = list.split(",");
  if (words.length > 1 && words.at(-1)?.trim() === "") words.pop();
  for (const word of words) {
    const [, from, to = from] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(word.trim()) ?? [];
    if (from === undefined || Number(to) > MAX_ID || Number(from) > MAX_ID)
      throw new UsageError(
        `${what} takes vCPU ids from 0 to ${MAX_ID} and ranges of them, such as 0,2-5, not "${word}"`,
      );
    if (Number(from) > Number(to))
      throw new UsageError(`${what}: the range "${word.trim()}" is empty; turn it round`);
    for (let id = Number(from); id <= Number(to); id++) ids.add(id);
  }
  return [...ids].sort((a, b) => a - b);
}
