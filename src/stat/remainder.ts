// SPDX-License-Identifier: MIT
// What VMs without a folder in debugfs count: KVM's sums of all VMs, less what the VMs with folders count.
import type { Count } from "./keys";

/** Values by field. */
export type Values = ReadonlyMap<string, number>;

interface Counter {
  readonly baseline: number;
  readonly previous: number;
  /** KVM's sum at the last read. */
  readonly sum: number;
}

/**
 * KVM gives a VM no folder where there is one of that name: that of a VM which still runs though its file descriptor was
 * closed and used again ("KVM: debugfs: duplicate directory" in the kernel's log). Its counts are in the sums alone.
 */
export class Remainder {
  readonly #counters = new Map<string, Counter>();
  readonly #counts = new Map<string, Count>();

  /** Whether there are, or were, such VMs: then the folders' counts and these make KVM's sums. */
  get isThere(): boolean {
    return this.#counters.size > 0;
  }

  /** What these VMs counted of a field, up to the last update. */
  count(field: string): Count {
    return this.#counts.get(field) ?? { value: 0, delta: 0 };
  }

  /**
   * Looks whether the folders' VMs are all that count, and if not, counts the others.
   * @param before KVM's sums, read before the folders
   * @param folders the folders' sums
   * @param after reads KVM's sums once more
   * @param from whether a counter that wasn't known begins at 0 or at what it is now
   */
  update(before: Values, folders: Values, after: () => Values, from: "birth" | "now"): void {
    const ofFolders = (field: string): number => folders.get(field) ?? 0;
    // Exits go on while all this is read: folders that are read after the sums have as much as these, or more.
    if (!this.isThere && !Array.from(before).some(([field, sum]) => sum > ofFolders(field))) return;
    for (const [field, sum] of after()) {
      const now = sum - ofFolders(field);
      const start = from === "birth" ? 0 : now;
      const {
        baseline,
        previous,
        sum: sumBefore,
      } = this.#counters.get(field) ?? {
        baseline: start,
        previous: start,
        sum: 0,
      };
      // Where a sum has gone back, a VM has ended: it takes its total along.
      const ended = (before.get(field) ?? sum) < sumBefore;
      const counter = { baseline: ended ? Math.min(baseline, now) : baseline, previous: now, sum };
      this.#counters.set(field, counter);
      this.#counts.set(field, { value: now - counter.baseline, delta: ended ? 0 : now - previous });
    }
  }

  /** Leaves an update out: of a VM that is ending, the folder is gone, and its counts still are in the sums. */
  skip(): void {
    for (const [field, { value }] of this.#counts) this.#counts.set(field, { value, delta: 0 });
  }

  clear(): void {
    this.#counters.clear();
    this.#counts.clear();
  }
}
