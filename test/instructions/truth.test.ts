// SPDX-License-Identifier: MIT
// Under instruction counting: times agree with ftrace's own of the same events, within what the probes cost.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import test from "node:test";
import { jsonLines } from "../lab/json";
import { run } from "../tools";
import { BOUND_NS, GUEST_COMMAND, NAMES, RARE_NS } from "./known";

const INSTANCE = "/sys/kernel/tracing/instances/truth";

interface Truth {
  count: number;
  timed: number;
  totalNs: number;
}

/** What ftrace's log of kvm_exit and kvm_entry says, by reason; the guest has one vCPU thread. */
function truthOf(log: string): Map<string, Truth> {
  const truth = new Map<string, Truth>();
  let open: { reason: Truth; at: number } | undefined;
  for (const [, seconds, event, rest = ""] of log.matchAll(/ (\d+\.\d+): (kvm_exit|kvm_entry): (.*)$/gm)) {
    const at = Number(seconds?.replace(".", "")) * 1000;
    if (event === "kvm_exit") {
      const name = /reason (?:EXIT_)?(\S+)/.exec(rest)?.[1] ?? "";
      let reason = truth.get(name);
      if (!reason) truth.set(name, (reason = { count: 0, timed: 0, totalNs: 0 }));
      reason.count++;
      open = { reason, at };
    } else if (open) {
      open.reason.timed++;
      open.reason.totalNs += at - open.at;
      open = undefined;
    }
  }
  return truth;
}

for (const attach of ["direct", "record"])
  test(`${attach}: counts are ftrace's, and averages within ${BOUND_NS} instructions of it`, () => {
    if (!existsSync(INSTANCE)) mkdirSync(INSTANCE);
    const write = (file: string, text: string) => {
      writeFileSync(`${INSTANCE}/${file}`, text);
    };
    write("trace_clock", "mono");
    write("buffer_size_kb", "16384");
    write("trace", "");
    write("events/kvm/kvm_exit/enable", "1");
    write("events/kvm/kvm_entry/enable", "1");
    const lines = jsonLines(run("kvm-vmexit-time", "--attach", attach, "--json", "--", ...GUEST_COMMAND));
    write("events/kvm/kvm_exit/enable", "0");
    write("events/kvm/kvm_entry/enable", "0");
    const truth = truthOf(readFileSync(`${INSTANCE}/trace`, "utf8"));
    rmdirSync(INSTANCE);
    const exits = lines.flatMap((line) => line.exits);
    assert.equal(exits.length, truth.size);
    for (const { name, count, timed, timeNs } of exits) {
      const expected = truth.get(NAMES[name] ?? name);
      assert.ok(expected, `${name} is not in ftrace's log: ${[...truth.keys()].join(" ")}`);
      assert.equal(count.total, expected.count, name);
      assert.equal(timed.total, expected.timed, name);
      const [ours, theirs] = [timeNs.total / timed.total, expected.totalNs / expected.timed];
      console.log(`${attach} ${name}: ${ours.toFixed(0)} ns, ftrace ${theirs.toFixed(0)} ns`);
      assert.ok(
        Math.abs(ours - theirs) <= BOUND_NS + RARE_NS / timed.total,
        `${name}: ${ours} and ${theirs}`,
      );
    }
  });
