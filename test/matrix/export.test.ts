// SPDX-License-Identifier: MIT
// kvm-vmexit export with all that it can count, on any machine: a scrape has a guest's exact counts.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { PROMISED, PROMISED_OF_VMX, WORKLOAD } from "../lab/counts";
import { ISA, ONLY, type OnlyWorkload, TELLING } from "../lab/machine";
import { values } from "../lab/series";
import { GUEST, Running } from "../tools";

const FOLDER = mkdtempSync(join(tmpdir(), "export-"));
after(() => {
  rmSync(FOLDER, { recursive: true });
});

interface Workload {
  readonly command: readonly string[];
  /** By the labels of reason and detail. */
  readonly exits: Readonly<Record<string, number>>;
  readonly details: Readonly<Record<string, number>>;
  readonly returns: Readonly<Record<string, number>>;
}

const X86: Workload = {
  command: [GUEST, ...WORKLOAD],
  exits: ISA === "vmx" ? PROMISED_OF_VMX : PROMISED,
  details: {
    "read IA32_PAT (0x277)": 41,
    "write IA32_PAT (0x277)": 43,
    "out 0x3f8 1 byte (COM1)": 19,
    "in 0x3f8 1 byte (COM1)": 17,
    "out 0xf4 1 byte (ISA debug exit)": 1,
  },
  returns: { HLT: 37, IO: 19 + 17 + 1, MMIO: 13 },
};
// Of details those of registers are exported, those of memory and calls are not.
const IS_EXPORTED = /^(?:read|write) (?!0x)/;

function workloadOf({ command, promised, details, returns }: OnlyWorkload): Workload {
  const exported = Object.entries(details).filter(([text]) => IS_EXPORTED.test(text));
  return { command, exits: promised, details: Object.fromEntries(exported), returns };
}

const only = ONLY[ISA];
const { command, exits, details, returns } = only ? workloadOf(only) : X86;
const [program = "", ...parameters] = command;

function scrape(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ socketPath, path: "/metrics" }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        resolve(text);
      });
    }).on("error", reject);
  });
}

for (const attach of TELLING)
  test(`${attach}: exits, details, returns and states are exported as the guest made them`, async () => {
    const path = join(FOLDER, `${attach}.sock`);
    const options = ["--attach", attach, "--listen", path, "--returns", "--split", "--details"];
    const exporter = new Running("kvm-vmexit", "export", ...options);
    await exporter.seen(/Listening/);
    const guest = spawnSync(program, parameters, { encoding: "utf8" });
    assert.equal(guest.status, 0, guest.stderr);
    const text = await scrape(path);
    const { status, stderr } = await exporter.end("SIGTERM");
    assert.equal(status, 0, stderr);
    const found = values(text, "kvm_vmexit_exits_total", "reason");
    for (const [reason, count] of Object.entries(exits)) assert.equal(found.get(reason), count, reason);
    const about = values(text, "kvm_vmexit_detail_exits_total", "detail");
    for (const [detail, count] of Object.entries(details)) assert.equal(about.get(detail), count, detail);
    assert.deepEqual(Object.fromEntries(values(text, "kvm_vmexit_returns_total", "reason")), returns);
    const states = values(text, "kvm_vmexit_vcpu_seconds_total", "state");
    for (const state of ["guest", "kvm", "vmm"]) assert.ok((states.get(state) ?? 0) > 0, text);
    const lost = [
      ...values(text, "kvm_vmexit_lost_exits_total", "why"),
      ...values(text, "kvm_vmexit_lost_events_total", "of", "why"),
    ];
    assert.deepEqual(
      lost.filter(([, count]) => count > 0),
      [],
    );
  });
