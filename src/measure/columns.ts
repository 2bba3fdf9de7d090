// What is shown of each sample.

/** What a tool tells of each reason: counts, who handled L2's, with times, with their percentiles (JSON: histograms), histograms. */
export type Columns = "count" | "nested" | "time" | "wide" | "histogram";
