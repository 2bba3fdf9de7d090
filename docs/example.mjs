// Counts and times the exits of all VMs for some seconds, and prints them for each VM every second; as root:
//     node docs/example.mjs [seconds]
import { ToolError, diff, group, openSession, percentile, total } from "kvm-vmexit";

const seconds = Number(process.argv[2] ?? 10);

function show(interval) {
  for (const { vm, samples } of group(interval, "vm"))
    for (const sample of samples) {
      const { count, timed, totalNs, buckets } = total(sample);
      const times =
        timed === 0 ? "not timed" : `mean ${totalNs / timed} ns, p99 ${percentile(buckets, 0.99)} ns`;
      // Whoever started the VM chose its name: as JSON it can't steer the terminal.
      console.log(
        `${JSON.stringify(vm.name)} (${vm.pid}) ${sample.name ?? sample.reason}: ${count}, ${times}`,
      );
    }
  for (const [way, exits] of Object.entries(interval.lost))
    if (exits > 0) console.log(`lost, ${way}: ${exits}`);
}

try {
  const session = openSession({ timing: true, histograms: true });
  console.log("tracing");
  let previous = session.read();
  for (let second = 1; second <= seconds; second++) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    if (second === seconds) session.stop();
    const next = session.read();
    show(diff(previous, next));
    previous = next;
  }
  session.close();
} catch (error) {
  if (!(error instanceof ToolError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
