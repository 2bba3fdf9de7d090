// SPDX-License-Identifier: MIT
// The buckets in which handling times are exported: few of the kernel's, put together.
import { BUCKETS } from "../contract";
import { bucketStart } from "../measure/histogram";

// From 256 ns, shorter than any exit takes, to 17 s in powers of four: each bound is one of the kernel's.
const BOUNDS_NS = Array.from({ length: 14 }, (_, i) => 2 ** (8 + 2 * i));

/** The buckets' upper ends in seconds. A time of just that length is in the bucket after it. */
export const BOUNDS = BOUNDS_NS.map((ns) => ns / 1e9);

/** How many buckets there are: the last one has no upper end. */
export const BUCKET_COUNT = BOUNDS.length + 1;

/** The exported bucket of each of the kernel's. */
export const BUCKET_OF = Uint8Array.from({ length: BUCKETS }, (_, bucket) => {
  const found = BOUNDS_NS.findIndex((ns) => bucketStart(bucket) < ns);
  return found < 0 ? BOUNDS.length : found;
});
