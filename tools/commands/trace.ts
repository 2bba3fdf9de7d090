// SPDX-License-Identifier: MIT
// Records KVM's events in kvmtrace's format, and prints, sums up and converts such recordings.
import type { Group } from "../lib/tool";

export const tool: Group = {
  summary: "Records KVM's events in kvmtrace's format, and prints, sums up and converts such recordings.",
  examples: [
    ["record -d 10", "ten seconds, into kvm-trace.bin"],
    ["report kvm-trace.bin", "its exits by reason"],
    ["format formats kvm-trace.bin", "every record as a line of text"],
  ],
  // Each word's code is loaded apart: that of the readers would be a fifth of what `record` takes to start.
  words: [
    {
      word: "record",
      summary: "records KVM's events into a file, in kvmtrace's format",
      load: async () => (await import("../trace/record.js")).tool,
    },
    {
      word: "format",
      summary: "prints a recording by the rules of a definitions file",
      load: async () => (await import("../trace/format.js")).tool,
    },
    {
      word: "report",
      summary: "counts and times a recording's exits as the live tools do",
      load: async () => (await import("../trace/report.js")).tool,
    },
    {
      word: "export",
      summary: "converts a recording to a timeline of its vCPUs",
      load: async () => (await import("../trace/export.js")).tool,
    },
  ],
};
