// SPDX-License-Identifier: MIT
// kvm-vmexit export on a real KVM host: what Debian's Prometheus has scraped are the guest's exact counts.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { GUEST, PROJECT, Running, run } from "../tools";
import { PROMISED, WORKLOAD } from "./counts";
import { kernelIsAtLeast } from "./machine";
import { values } from "./series";

const FOLDER = mkdtempSync(join(tmpdir(), "export-"));
// The exporter becomes nobody.
chmodSync(FOLDER, 0o777);
const NAMED = join(FOLDER, "web1");
symlinkSync(GUEST, NAMED);

/** Tries again until it doesn't throw; the test's own time limit ends it. */
async function eventually<T>(attempt: () => Promise<T> | T): Promise<T> {
  for (let last: unknown, tries = 0; ; tries++)
    try {
      return await attempt();
    } catch (error) {
      last = error;
      if (tries > 300) throw last;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
}

async function exporter(...options: string[]): Promise<[Running, string]> {
  const running = new Running("kvm-vmexit", "export", "--listen", "127.0.0.1:0", ...options);
  await running.seen(/Listening on/);
  const [, place = ""] = /Listening on (\S+)\.\n/.exec(running.stderr) ?? [];
  return [running, `http://${place}`];
}

async function scrape(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}

/** Runs a guest that stays when it is done. */
function holdGuest(...parameters: string[]): ChildProcess {
  return spawn(GUEST, [...parameters, "--hold", "3600"]);
}

async function endGuest(guest: ChildProcess): Promise<void> {
  const ended = once(guest, "exit");
  guest.kill();
  await ended;
}

/** @param open how many vCPUs have made their last exit, to port 0xf4, and haven't ended: it is counted when they do */
function assertPromised(found: ReadonlyMap<string, number>, times: number, open: number): void {
  for (const [name, count] of Object.entries(PROMISED))
    assert.equal(found.get(`${name} L1`), times * count - (name === "IOIO" ? open : 0), name);
}

test("Prometheus has the exact counts of guests that live and of guests that ended", async () => {
  const tools = spawnSync(join(PROJECT, "lab", "fetch-prometheus"), { encoding: "utf8" });
  assert.equal(tools.status, 0, tools.stderr);
  const [running, url] = await exporter();
  writeFileSync(
    join(FOLDER, "prometheus.yml"),
    `scrape_configs:\n- job_name: kvm\n  scrape_interval: 2s\n  scrape_timeout: 2s\n  static_configs:\n  - targets: ["${new URL(url).host}"]\n`,
  );
  const prometheus = spawn(
    join(tools.stdout.trim(), "prometheus"),
    [
      `--config.file=${FOLDER}/prometheus.yml`,
      `--storage.tsdb.path=${FOLDER}/data`,
      "--web.listen-address=127.0.0.1:19090",
      "--log.level=error",
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const ask = async (expression: string) => {
    const query = `http://127.0.0.1:19090/api/v1/query?query=${encodeURIComponent(expression)}`;
    const { data } = (await (await fetch(query)).json()) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    return data.result;
  };
  const byReason = async (family: string) =>
    new Map(
      (await ask(`sum by (reason, level) (${family})`)).map(({ metric, value }) => [
        `${metric["reason"] ?? ""} ${metric["level"] ?? ""}`,
        Number(value[1]),
      ]),
    );
  try {
    const first = holdGuest(...WORKLOAD, "--vcpus", "3", "--vms", "2");
    await eventually(async () => {
      assertPromised(await byReason("kvm_vmexit_exits_total"), 6, 6);
    });
    // Where this machine has too much to do, a scrape is missed, and its series aren't there.
    await eventually(async () => {
      assertPromised(await byReason("kvm_vmexit_timed_exits_total"), 6, 6);
      assertPromised(await byReason("kvm_vmexit_handling_time_seconds_count"), 6, 6);
    });
    const second = holdGuest(...WORKLOAD);
    await eventually(async () => {
      assertPromised(await byReason("kvm_vmexit_exits_total"), 7, 7);
    });
    await eventually(async () => {
      const [info] = await ask(`kvm_vmexit_vm_info{pid="${second.pid ?? 0}"}`);
      assert.equal(info?.metric["vm"], `guest (${second.pid ?? 0})`);
    });
    await Promise.all([endGuest(first), endGuest(second)]);
    // They leave; the host's histogram keeps all that they did.
    await eventually(async () => {
      assert.equal((await ask("kvm_vmexit_exits_total")).length, 0);
      assert.ok((await ask("kvm_vmexit_vcpus")).length > 0);
    });
    assertPromised(await byReason("max_over_time(kvm_vmexit_exits_total[1h])"), 7, 0);
    await eventually(async () => {
      assertPromised(await byReason("kvm_vmexit_handling_time_seconds_count"), 7, 7);
    });
    assert.deepEqual(
      (await ask("max_over_time(kvm_vmexit_lost_exits_total[1h]) > 0")).map(({ metric }) => metric),
      [],
    );
  } finally {
    prometheus.kill("SIGKILL");
  }
  const result = await running.end("SIGTERM");
  assert.equal(result.status, 0, result.stderr);
});

test("two scrapers each have the counts of a guest that ended between two of their scrapes", async () => {
  const [running, url] = await exporter("--histograms", "vm", "--overhead");
  const of = async (scraper: string) => {
    const text = await (await fetch(`${url}/metrics`, { headers: { "user-agent": scraper } })).text();
    return values(text, "kvm_vmexit_exits_total", "reason", "level");
  };
  await of("a");
  await of("b");
  const guest = spawnSync(GUEST, WORKLOAD);
  assert.equal(guest.status, 0);
  assertPromised(await of("a"), 1, 0);
  assertPromised(await of("b"), 1, 0);
  assert.equal((await of("a")).size, 0);
  const text = await scrape(url);
  const runs = values(text, "kvm_vmexit_program_runs_total", "program");
  // As many exits as are promised, and a few that aren't.
  const promised = Object.values(PROMISED).reduce((sum, count) => sum + count, 0);
  assert.ok(
    [...runs.values()].some((count) => count >= promised),
    text,
  );
  const result = await running.end("SIGINT");
  assert.equal(result.status, 0, result.stderr);
});

/** What each thread of a process is and may do. */
function powersOf(pid: number): string[] {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).map((thread) =>
    readFileSync(`${tasks}/${thread}/status`, "utf8")
      .split("\n")
      .filter((line) => /^(Uid|Gid|Groups|Cap(Inh|Prm|Eff|Amb)|NoNewPrivs):/.test(line))
      .map((line) => line.replaceAll(/\s+/g, " ").trim())
      .join("\n"),
  );
}

// CAP_BPF, without which a kernel before 6.0 doesn't let open maps be read.
const LEFT = (kernelIsAtLeast(6, 0) ? 0n : 1n << 39n).toString(16).padStart(16, "0");
const NONE = "0".repeat(16);

/** Asserts that all threads are a user with no more than LEFT, and that VMs are counted and named then: the text says so. */
async function assertNobody(
  pid: number,
  url: string,
  says: (text: string) => void = () => undefined,
): Promise<void> {
  const powers = powersOf(pid);
  assert.ok(powers.length > 1);
  for (const thread of powers)
    assert.equal(
      thread,
      `Uid: 65534 65534 65534 65534\nGid: 65534 65534 65534 65534\nGroups:\nCapInh: ${NONE}\n` +
        `CapPrm: ${LEFT}\nCapEff: ${LEFT}\nCapAmb: ${NONE}\nNoNewPrivs: 1`,
    );
  const guest = spawn(NAMED, [...WORKLOAD, "--hold", "3600"]);
  await eventually(async () => {
    const text = await scrape(url);
    assertPromised(values(text, "kvm_vmexit_exits_total", "reason", "level"), 1, 1);
    const names = [...values(text, "kvm_vmexit_vm_info", "name", "source").keys()];
    assert.deepEqual(names, ["web1 process"]);
    says(text);
  });
  await endGuest(guest);
}

/** The text has the guest's returns to its program, details and states. */
function assertMore(text: string): void {
  const returns = values(text, "kvm_vmexit_returns_total", "reason");
  // The last one, to port 0xf4, isn't followed by another KVM_RUN.
  assert.deepEqual(Object.fromEntries(returns), { HLT: 37, IO: 19 + 17, MMIO: 13 });
  const vmm = values(text, "kvm_vmexit_vmm_seconds_total", "reason");
  assert.ok([...vmm.values()].every((seconds) => seconds > 0) && vmm.size === 3, text);
  assert.deepEqual(
    [...values(text, "kvm_vmexit_detail_exits_total", "reason", "detail")],
    [
      ["MSR write IA32_PAT (0x277)", 43],
      ["MSR read IA32_PAT (0x277)", 41],
      ["IOIO out 0x3f8 1 byte (COM1)", 19],
      ["IOIO in 0x3f8 1 byte (COM1)", 17],
    ],
  );
  const states = values(text, "kvm_vmexit_vcpu_seconds_total", "state");
  assert.equal(states.size, 10);
  for (const state of ["guest", "kvm", "vmm"]) assert.ok((states.get(state) ?? 0) > 0, text);
  assert.deepEqual(
    [...values(text, "kvm_vmexit_lost_events_total", "of", "why")].filter(([, count]) => count > 0),
    [],
  );
}

test("started by root, all its threads become nobody without powers, and go on counting and naming VMs", async () => {
  const [running, url] = await exporter("--returns", "--split", "--details");
  await assertNobody(running.child.pid ?? 0, url, assertMore);
  const result = await running.end("SIGTERM");
  assert.equal(result.status, 0, result.stderr);
});

test("with systemd's socket and the powers of its unit, it is that user without them once it listens", async () => {
  const port = 19_586;
  const capabilities = "+sys_admin,+dac_read_search";
  const activated = spawn("systemd-socket-activate", [
    "--listen",
    `127.0.0.1:${port}`,
    "setpriv",
    ...["--reuid", "65534", "--regid", "65534", "--clear-groups"],
    ...["--inh-caps", `-all,${capabilities}`, "--ambient-caps", `-all,${capabilities}`],
    ...["--bounding-set", `-all,${capabilities}`],
    process.execPath,
    join(PROJECT, "dist", "bin", "kvm-vmexit.js"),
    "export",
  ]);
  let stderr = "";
  activated.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const url = `http://127.0.0.1:${port}`;
  // The first connection starts it.
  await eventually(async () => {
    assert.equal((await fetch(`${url}/healthz`)).status, 200, stderr);
  });
  assert.match(stderr, /Listening on the socket 3, port 19586\./);
  await assertNobody(activated.pid ?? 0, url);
  const ended = once(activated, "exit");
  activated.kill();
  assert.deepEqual(await ended, [0, null], stderr);
});

test("what can't be attached or listened on ends it, and nothing is answered", async () => {
  const powerless = spawnSync("setpriv", [
    ...["--reuid", "65534", "--regid", "65534", "--clear-groups"],
    process.execPath,
    join(PROJECT, "dist", "bin", "kvm-vmexit.js"),
    "export",
  ]);
  assert.equal(powerless.status, 1);
  assert.doesNotMatch(String(powerless.stderr), /Listening/);
  const [first, url] = await exporter();
  const second = new Running("kvm-vmexit", "export", "--listen", new URL(url).host);
  const [status] = (await once(second.child, "close")) as [number];
  assert.equal(status, 1);
  assert.match(second.stderr, /cannot listen: .*EADDRINUSE/);
  await first.end("SIGTERM");
});

test("a textfile is whole, has the counts, and goes when the exporter ends", async () => {
  const path = join(FOLDER, "kvm.prom");
  const running = new Running("kvm-vmexit", "export", "--textfile", path, "--every", "0.2");
  await eventually(() => readFileSync(path));
  const guest = holdGuest(...WORKLOAD);
  const labels = ["reason", "level"];
  await eventually(() => {
    assertPromised(values(readFileSync(path, "utf8"), "kvm_vmexit_exits_total", ...labels), 1, 1);
  });
  await endGuest(guest);
  // While it can't be written, that is said once, and counted.
  const writes = () => values(readFileSync(path, "utf8"), "kvm_vmexit_textfile_writes_total", "outcome");
  chmodSync(FOLDER, 0o700);
  await running.seen(/cannot write .*kvm\.prom": EACCES/);
  chmodSync(FOLDER, 0o777);
  await eventually(() => {
    assert.ok((writes().get("failed") ?? 0) > 0);
  });
  const result = await running.end("SIGTERM");
  assert.equal(result.status, 0, result.stderr);
  assert.equal(result.stderr.match(/cannot write/g)?.length, 1, result.stderr);
  assert.doesNotMatch(result.stderr, /Listening/);
  assert.throws(() => readFileSync(path), /ENOENT/);
});

test("a textfile that can't be written ends the exporter at its start", () => {
  const missing = join(FOLDER, "missing", "kvm.prom");
  const { status, stderr } = run("kvm-vmexit", "export", "--textfile", missing);
  assert.deepEqual([status, stderr.split("\n").length], [2, 2], stderr);
  assert.match(stderr, /--textfile: there is no folder "\S+\/missing"; make it, or name another one\n$/);
  // The exporter becomes nobody.
  const denied = mkdtempSync(join(tmpdir(), "denied-"));
  const refused = run("kvm-vmexit", "export", "--textfile", join(denied, "kvm.prom"));
  assert.equal(refused.status, 1);
  assert.match(
    refused.stderr,
    /^kvm-vmexit export: cannot write .*EACCES.*the folder must be the exporter's user's\n$/,
  );
});
