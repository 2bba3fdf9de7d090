// SPDX-License-Identifier: MIT
// Which VM a process is, on processes made up in a folder.
import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { VmNames, nameMatcher, vmDisplayNames, vmMatcher, vmOf } from "../../src/host/vm";

const ROOT = mkdtempSync(join(tmpdir(), "processes-"));
after(() => {
  rmSync(ROOT, { recursive: true });
});

const PID = 4242;
// Started 123 ticks after boot.
const START_NS = 1_234_567_890;

function processIs(commandLine: string | Uint8Array, comm = "qemu", ticks = 123): void {
  mkdirSync(`${ROOT}/proc/${PID}`, { recursive: true });
  writeFileSync(`${ROOT}/proc/${PID}/cmdline`, commandLine);
  const fields = `S 1 ${"0 ".repeat(17)}${ticks} 0 0`;
  writeFileSync(`${ROOT}/proc/${PID}/stat`, `${PID} (${comm}) ${fields}\n`);
}

function nameOf(...words: string[]): string {
  processIs(words.map((word) => `${word}\0`).join(""));
  const vm = vmOf(PID, START_NS, "comm", ROOT);
  return `${vm.source}: ${vm.name}`;
}

for (const [expected, ...words] of [
  ["qemu: web", "/usr/bin/qemu-system-x86_64", "-m", "1G", "-name", "web"],
  ["qemu: web", "qemu-system-x86_64", "--name", "web,debug-threads=on"],
  ["qemu: web", "/usr/libexec/qemu-kvm", "-name", "guest=web,debug-threads=on", "-S"],
  ["qemu: web", "kvm", "-name", "process=vm1,guest=web"],
  ["qemu: a,b=c", "qemu-system-x86_64", "-name", "a,,b=c,debug-threads=on"],
  ["qemu: a,b", "qemu-system-x86_64", "-name", "guest=a,,b"],
  ["qemu: x,", "qemu-system-x86_64", "-name", "guest=x,,,debug-threads=on"],
  ["qemu: ,lead", "qemu-system-x86_64", "-name", ",,lead"],
  ["qemu: x=y", "qemu-system-x86_64", "-name", "guest=x=y"],
  ["qemu: two", "qemu-system-x86_64", "-name", "one", "-name", "two"],
  ["qemu: one", "qemu-system-x86_64", "-name", "one", "-name", "debug-threads=on"],
  ["process: comm", "qemu-system-x86_64", "-name=foo"],
  ["process: comm", "qemu-system-x86_64", "-name", ""],
  ["process: comm", "qemu-system-x86_64", "-append", "-name foo", "-name"],
  ["firecracker: vm-7", "/firecracker", "--id", "vm-7", "--start-time-us", "1"],
  ["firecracker: vm-7", "firecracker-v1.7", "--id=vm-7"],
  ["firecracker: seven", "firecracker", "--api-sock", "/run/seven.socket"],
  ["process: comm", "firecracker", "--api-sock", "/tmp/firecracker.socket"],
  ["cloud-hypervisor: web", "cloud-hypervisor", "--api-socket", "/run/libvirt/ch/web-socket"],
  ["cloud-hypervisor: web", "cloud-hypervisor-static", "--api-socket=path=/run/web.sock"],
  ["cloud-hypervisor: 0af3", "/opt/cloud-hypervisor", "--api-socket", "/run/vc/vm/0af3/clh-api.sock"],
  ["process: comm", "cloud-hypervisor", "--api-socket", "/tmp/cloud-hypervisor.sock"],
  ["process: comm", "cloud-hypervisor", "--api-socket", "fd=3"],
  ["process: comm", "cloud-hypervisor", "--api-socket", "ch.sock"],
  ["firecracker: 7f21", "firecracker", "--api-sock", "/run/vc/firecracker/7f21/root/run/firecracker.socket"],
  ["firecracker: root", "firecracker", "--api-sock", "/run/vc/firecracker/root/root/run/fc.socket"],
  [
    "cloud-hypervisor: vm",
    "cloud-hypervisor",
    ...["--api-socket", "fd=26", "--event-monitor", "path=/run/libvirt/ch/vm-event-monitor-fifo"],
  ],
  ["cloud-hypervisor: web-1", "cloud-hypervisor", "--api-socket", "/run/user/7/libvirt/ch/run/web-1-socket"],
  ["stratovirt: web", "/usr/bin/stratovirt", "-name", "web", "-qmp", "unix:/tmp/q,server,nowait"],
  ["openvmm: web", "openvmm", "--ttrpc", "/run/openvmm/web.sock"],
  ["openvmm: db", "openvmm", "--vsock-path=/srv/db/vsock", "-p", "2"],
  ["process: comm", "openvmm", "--hv", "--grpc", "/tmp/openvmm.sock"],
  [
    "qemu: primary",
    "qemu-system-x86_64",
    ...["-drive", "file=/var/snap/multipass/common/data/multipassd/vault/instances/primary/u.img,if=none"],
  ],
  ["qemu: web", "/lib64/ld-linux-x86-64.so.2", "--library-path", "/opt/lib", "/opt/qemu-kvm", "-name", "web"],
  ["qemu: web", "/lib/ld-musl-x86_64.so.1", "--argv0", "x", "--list", "qemu-system-x86_64", "-name", "web"],
  [
    "process: comm",
    "/lib64/ld-linux-x86-64.so.2",
    "--library-path",
    "qemu-kvm",
    "/bin/sleep",
    "-name",
    "web",
  ],
  ["crosvm: tux", "/usr/bin/crosvm", "run", "--name", "tux"],
  ["kvmtool: tux", "lkvm", "run", "-n", "tux"],
  ["process: comm", "python3", "-name", "foo"],
  ["process: comm"],
] as const)
  test(`${words.join(" ")} is ${expected}`, () => {
    assert.equal(nameOf(...words), expected);
  });

test("a VMM by whatever name it was started is known by its file", () => {
  processIs("web server\0-name\0web\0-uuid\0" + "0AF3B1C2-0000-4000-8000-000000000001\0");
  const exe = `${ROOT}/proc/${PID}/exe`;
  for (const [file, name] of [
    ["/usr/bin/qemu-system-x86_64", "web"],
    ["/usr/bin/kvm (deleted)", "web"],
    ["/usr/bin/perl", "comm"],
  ] as const) {
    symlinkSync(file, exe);
    const vm = vmOf(PID, START_NS, "comm", ROOT);
    assert.equal(vm.name, name);
    assert.equal(vm.uuid, name === "web" ? "0af3b1c2-0000-4000-8000-000000000001" : undefined);
    rmSync(exe);
  }
});

test("a process that is gone, or whose pid another has now, is called as the kernel knew it", () => {
  processIs("qemu-system-x86_64\0-name\0web\0", "odd) S 1 (name");
  assert.equal(vmOf(PID, START_NS, "comm", ROOT).name, "web");
  assert.equal(vmOf(PID + 1, START_NS, "comm", ROOT).name, "comm");
  assert.equal(vmOf(PID, START_NS + 3e7, "comm", ROOT).name, "comm");
});

test("a name survives its process; another process with the pid is another VM", () => {
  const names = new VmNames(ROOT);
  processIs("qemu-system-x86_64\0-name\0web\0");
  const web = names.of(PID, START_NS, "comm");
  processIs("qemu-system-x86_64\0-name\0db\0", "qemu", 500);
  assert.equal(names.of(PID, START_NS, "comm"), web);
  assert.equal(names.of(PID, 5e9, "comm").name, "db");
  for (let i = 0; i < 9000; i++) names.of(PID, i * 1e9 + 1, "many");
  assert.equal(names.of(PID, START_NS, "comm").name, "comm", "what is kept is bounded");
});

test("this process is found by what the real /proc says", () => {
  const ticks = Number(readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ")[19]);
  assert.deepEqual(vmOf(process.pid, ticks * 1e7 + 9_999_999, "node"), {
    pid: process.pid,
    startNs: ticks * 1e7 + 9_999_999,
    name: "node",
    source: "process",
  });
});

test("no command line and no stat does harm, and a name has its bounds", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (bytes, comm) => {
      processIs(Buffer.concat([Buffer.from("qemu\0-name\0"), bytes]), comm);
      const vm = vmOf(PID, START_NS, "comm", ROOT);
      assert.ok(vm.name.length <= 256 && !vm.name.includes("\0"));
      writeFileSync(`${ROOT}/proc/${PID}/stat`, bytes);
      assert.equal(vmOf(PID, START_NS, "comm", ROOT).source, "ended");
    }),
  );
  assert.equal(nameOf("qemu-system-x86_64", "-name", `guest=${",,".repeat(50_000)}`).length, 256 + 6);
});

test("what -name is given comes out, whatever it is", () => {
  const anyName = fc
    .string({ unit: "binary", minLength: 1, maxLength: 100 })
    .filter((name) => !/\0|=/.test(name) && Buffer.from(name).toString() === name);
  fc.assert(
    fc.property(anyName, fc.boolean(), (name, named) => {
      const value = `${named ? "guest=" : ""}${name.replaceAll(",", ",,")},debug-threads=on`;
      assert.equal(nameOf("qemu-system-x86_64", "-name", value), `qemu: ${name}`);
    }),
  );
});

for (const [pattern, matching, others] of [
  ["web", ["web"], ["web1", "we", ""]],
  ["web*", ["web", "web-1", "web/x"], ["aweb"]],
  ["*", ["", "a", "\n"], []],
  ["*a*b", ["ab", "xaxb", "aab b"], ["aba", "b"]],
  ["?", ["a", "😀"], ["", "ab"]],
  ["web[0-35]", ["web0", "web3", "web5"], ["web4", "web", "web-"]],
  ["web[!0-9]", ["weba"], ["web1", "web"]],
  ["a[]x]", ["a]", "ax"], ["a"]],
  ["a[!]", ["a[!]"], ["ax"]],
  ["a[", ["a["], ["a"]],
  ["a[x-]", ["a-", "ax"], ["ay"]],
  ["disk[1]", ["disk[1]", "disk1"], ["disk2"]],
  ["a.b", ["a.b"], ["axb"]],
  ["", [""], ["a"]],
] as const)
  test(`the pattern "${pattern}"`, () => {
    const matches = nameMatcher(pattern);
    for (const name of matching) assert.ok(matches(name), name);
    for (const name of others) assert.ok(!matches(name), name);
  });

test("patterns match as the shell's do", () => {
  const unit = fc.constantFrom(...Array.from("ab*?[]!-^"));
  const cases = fc.sample(
    fc.tuple(fc.string({ unit }), fc.string({ unit: fc.constantFrom(...Array.from("ab-")) })),
    1000,
  );
  const script = "while read -r p && read -r n; do [[ ${n#.} == ${p#.} ]] && echo 1 || echo 0; done";
  const input = cases.map(([pattern, name]) => `.${pattern}\n.${name}\n`).join("");
  const shell: SpawnSyncReturns<string> = spawnSync("bash", ["-c", script], {
    input,
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  const expected = shell.stdout.trimEnd().split("\n");
  cases.forEach(([pattern, name], i) => {
    assert.equal(nameMatcher(pattern)(name) ? "1" : "0", expected[i], JSON.stringify([pattern, name]));
  });
});

test("a long name against many stars has an answer: trying each way would never end", () => {
  assert.equal(nameMatcher("*a".repeat(20) + "b")("a".repeat(10_000)), false);
});

test("VMs with one name are told apart by pid, or by start", () => {
  const vm = (name: string, pid: number, startNs: number) => ({
    name,
    pid,
    startNs,
    source: "qemu" as const,
  });
  assert.deepEqual(
    vmDisplayNames([vm("web", 1, 5e9), vm("db", 2, 0), vm("web", 3, 0), vm("x", 9, 5e9), vm("x", 9, 6.25e9)]),
    ["web (1)", "db", "web (3)", "x (9, 5.00 s)", "x (9, 6.25 s)"],
  );
});

test("--vm calls a VM by its name, a pattern, its uuid or its pid", () => {
  const vm = { name: "web-1", pid: 4242, uuid: "4dea24b3-1d52-d8f3-2516-782e98a23fa0" };
  for (const text of ["web-1", "web-*", "4242", vm.uuid, vm.uuid.toUpperCase()])
    assert.ok(vmMatcher(text)(vm), text);
  for (const text of ["web", "424", "4dea24b3", "04242"]) assert.ok(!vmMatcher(text)(vm), text);
  assert.ok(!vmMatcher("undefined")({ name: "web-1", pid: 1 }));
});
