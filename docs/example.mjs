// SPDX-License-Identifier: MIT
// Counts and times the exits of all VMs for some seconds, and prints them for each VM every second; as root:
//     node docs/example.mjs [seconds]
import { ToolError, group, intervals, openSession, percentile, safeText, total } from "kvm-vmexit";

const seconds = Number(process.argv[2] ?? 10);

function show(interval) {
  for (const { vm, samples } of group(interval, "vm"))
    for (const sample of samples) {
      const { count, timed, totalNs, buckets } = total(sample);
      const times =
        timed === 0 ? "not timed" : `mean ${totalNs / timed} ns, p99 ${percentile(buckets, 0.99)} ns`;
      // Another user may have chosen the VM's name: safeText() keeps it from steering the terminal.
      console.log(`"${safeText(vm.name)}" (${vm.pid}) ${sample.name ?? sample.reason}: ${count}, ${times}`);
    }
  for (const [way, exits] of Object.entries(interval.lost))
    if (exits > 0) console.log(`lost, ${way}: ${exits}`);
}

try {
  const session = openSession({ timing: true, histograms: true });
  console.log("tracing");
  try {
    for await (const interval of intervals(session, { intervalMs: 1000, count: seconds })) show(interval);
  } finally {
    session.close();
  }
} catch (error) {
  if (!(error instanceof ToolError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
