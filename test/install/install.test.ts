// SPDX-License-Identifier: MIT
// Every package installed where there is no Node, no compiler and no network, and run on that system's kernel; as root.
import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import test, { type TestContext, after, before } from "node:test";
import { GUEST, PROJECT } from "../tools";

const GUEST_ARM64 = `${GUEST}-arm64`;
const LAB = join(PROJECT, "lab", "run");
/** What a host downloads at most. */
const DOWNLOAD_BYTES = 30e6;
const KINDS = ["archive", "deb", "rpm"] as const;
const ARCHITECTURES = ["x64", "arm64"] as const;
const NODES = [20, 22, 24, 26];

function succeeded(result: SpawnSyncReturns<string>): string {
  assert.equal(result.status, 0, result.stdout + result.stderr);
  return result.stdout;
}

const run = (command: string, parameters: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
  succeeded(
    spawnSync(command, parameters, {
      cwd: PROJECT,
      encoding: "utf8",
      env: { ...process.env, ...environment },
    }),
  );

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "install-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

const packages = { archive: "", deb: "", rpm: "", npm: "" };
/** Of the other architecture. */
const foreign = { archive: "", deb: "", rpm: "" };
let folder = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "install-"));
  for (const kind of KINDS) {
    packages[kind] = run("packaging/pack", [kind, "x64"]).trim();
    foreign[kind] = run("packaging/pack", [kind, "arm64"]).trim();
  }
  packages.npm = join(folder, run("npm", ["pack", "--silent", "--pack-destination", folder]).trim());
});

after(() => {
  rmSync(folder, { recursive: true });
});

test("each package is small to download, and lintian finds nothing in the .debs", () => {
  for (const file of [...Object.values(packages), ...Object.values(foreign)]) {
    const { size } = statSync(file);
    assert.ok(size <= DOWNLOAD_BYTES, `${basename(file)}: ${size} bytes`);
  }
  for (const deb of [packages.deb, foreign.deb]) {
    const found = run("lintian", [
      "--allow-root",
      "--tag-display-limit",
      "0",
      "--fail-on",
      "error,warning",
      deb,
    ]);
    assert.equal(found, "");
  }
});

for (const suite of ["bullseye", "bookworm", "trixie"])
  test(`Debian ${suite}: archive, .deb and npm package install without Node, compiler and network, and count on its kernel`, (t) => {
    const root = join(temporary(t), suite);
    run("cp", ["-a", run("packaging/fetch-root", [suite]).trim(), root]);
    const inside = (script: string) =>
      run("unshare", [
        "--net",
        "--mount",
        "--pid",
        "--fork",
        `--mount-proc=${root}/proc`,
        "chroot",
        root,
        "sh",
        "-ec",
        script,
      ]);
    assert.equal(
      inside("for name in node npm cc gcc clang make python3; do command -v $name; done || :"),
      "",
    );
    const files = () => inside("find / -xdev -path /proc -prune -o -path '/var/lib/dpkg/*' -o -print | sort");
    const untouched = files();

    for (const [from, to] of [
      [packages.deb, "tmp/kvm-vmexit.deb"],
      [packages.npm, "tmp/kvm-vmexit.tgz"],
      [GUEST, "opt/guest"],
    ] as const)
      cpSync(from, join(root, to));
    run("tar", ["-x", "-C", join(root, "opt"), "-f", packages.archive]);
    const archive = `/opt/${basename(packages.archive, ".tar.xz")}/kvm-vmexit`;
    inside("dpkg -i /tmp/kvm-vmexit.deb");
    for (const tool of [archive, "kvm-vmexit"]) assert.match(inside(`${tool} --help`), /^Usage: kvm-vmexit/);
    for (const path of [
      "man/man1/kvm-vmexit.1.gz",
      "bash-completion/completions/kvm-vmexit",
      "zsh/vendor-completions/_kvm-vmexit",
      "fish/vendor_completions.d/kvm-vmexit.fish",
      "doc/kvm-vmexit/copyright",
    ])
      assert.ok(statSync(join(root, "usr/share", path)).size > 0, path);
    for (const unit of ["kvm-stat.service", "kvm-vmexit-exporter.service", "kvm-vmexit-exporter.socket"])
      assert.ok(statSync(join(root, "usr/lib/systemd/system", unit)).size > 0, unit);

    // npm's package needs Node, and npm, which come from elsewhere.
    const node = join(run("packaging/fetch-node", ["24", "x64"]).trim(), "bin", "node");
    cpSync(node, join(root, "usr/local/bin/node"));
    const npm = join(run("npm", ["root", "-g"]).trim(), "npm");
    run("cp", ["-a", npm, join(root, "opt/npm")]);
    inside("node /opt/npm/bin/npm-cli.js install -g --offline /tmp/kvm-vmexit.tgz");

    const script = `for name in proc sys dev; do mount --rbind /$name ${root}/$name; done
      for tool in ${archive} /usr/bin/kvm-vmexit /usr/local/bin/kvm-vmexit; do
        chroot ${root} $tool count --reasons CPUID -- /opt/guest --cpuid 23 || exit
      done`;
    const counted = run(LAB, ["--kernel", suite, "--", "bash", "-c", script]);
    assert.equal(counted.match(/^114 CPUID +23 +23 +0$/gm)?.length, 3, counted);

    inside(`dpkg -P kvm-vmexit
      rm -r /usr/local/lib/node_modules /usr/local/bin/* /usr/local/share/man/* /opt/* /tmp/* /root/.npm`);
    assert.equal(files(), untouched);
  });

for (const [architecture, { deb, rpm }] of [
  ["x86_64", packages],
  ["aarch64", foreign],
] as const)
  test(`${architecture}: the .rpm has the files of the .deb, and needs nothing newer than glibc 2.28`, (t) => {
    const unpacked = temporary(t);
    const commands = [
      'cd "$0"; mkdir deb rpm; dpkg-deb -x "$1" deb; cd rpm; rpm2cpio "$2" | cpio -i -d --quiet',
      "for root in deb rpm; do (cd ../$root; find usr/lib usr/bin etc usr/share/man ! -type d | sort >../$root.list); done",
      "diff ../deb.list ../rpm.list",
    ];
    run("bash", ["-ec", commands.join("\n"), unpacked, deb, rpm]);
    assert.equal(run("rpm", ["-qp", "--queryformat", "%{arch}", rpm]), architecture);
    const needs = run("rpm", ["-qp", "--requires", rpm]).split("\n");
    const newer = needs.filter((line) => Number(/GLIBC_2\.(\d+)/.exec(line)?.[1] ?? 0) > 28);
    assert.deepEqual(newer, []);
  });

test("the .rpm installs into a root folder, runs there, and leaves it as it was", (t) => {
  const root = join(temporary(t), "root");
  run("cp", ["-a", run("packaging/fetch-root", ["bookworm"]).trim(), root]);
  const rpm = (...parameters: string[]) =>
    run("rpm", ["--root", root, "--dbpath", "/tmp/rpm", ...parameters]);
  const files = () =>
    run("find", [root, "-path", join(root, "tmp"), "-prune", "-o", "-print"])
      .split("\n")
      .sort();
  const untouched = files();
  // Debian's packages, which are what it needs, are none of rpm's.
  rpm("--install", "--nodeps", packages.rpm);
  rpm("--verify", "--nodeps", "kvm-vmexit");
  assert.match(run("chroot", [root, "kvm-vmexit", "--help"]), /^Usage: kvm-vmexit/);
  rpm("--erase", "--nodeps", "kvm-vmexit");
  assert.deepEqual(files(), untouched);
});

test("a package has the licence of all that is in it", (t) => {
  const unpacked = temporary(t);
  run("dpkg-deb", ["-x", packages.deb, unpacked]);
  const text = readFileSync(join(unpacked, "usr/share/doc/kvm-vmexit/copyright"), "utf8");
  const parts = [...text.matchAll(/^==== (.*)$/gm)].map(([, name = ""]) => name);
  const modules = run("npm", ["ls", "--omit=dev", "--all", "--parseable"])
    .split("\n")
    .flatMap((path) => /node_modules\/(.+)$/.exec(path)?.[1] ?? [])
    .filter((name) => name !== "node-addon-api");
  assert.ok(modules.length > 3);
  for (const name of ["libbpf", "libelf", "zlib1g", "commander", "yaml", "bcryptjs", "Node.js", ...modules])
    assert.ok(
      parts.some((part) => part === name || part.startsWith(`${name}/`) || part.startsWith(`${name},`)),
      name,
    );
});

test("the archive for arm64 counts there", (t) => {
  const unpacked = temporary(t);
  // The lab's machine for arm64 sees the project, and nothing else of this one.
  const place = join(PROJECT, "build", basename(unpacked));
  t.after(() => {
    rmSync(place, { recursive: true });
  });
  mkdirSync(place);
  run("tar", ["-x", "--strip-components=1", "-C", place, "-f", foreign.archive]);
  const command = [
    join(place, "kvm-vmexit"),
    "count",
    "--reasons",
    "HVC64",
    "--",
    GUEST_ARM64,
    "--hvc",
    "23",
  ];
  assert.match(run(LAB, ["--cpu", "arm64", "--", ...command]), / HVC64 +23 +23 +0$/m);
});

test(`the npm package counts under Node ${NODES.join(", ")}`, (t) => {
  const prefix = temporary(t);
  run("npm", ["install", "-g", "--offline", "--prefix", prefix, packages.npm]);
  const nodes = NODES.map((major) =>
    join(run("packaging/fetch-node", [String(major), "x64"]).trim(), "bin/node"),
  );
  const tool = join(prefix, "lib/node_modules/kvm-vmexit/dist/bin/kvm-vmexit.js");
  const script = `for node; do "$node" ${tool} count --reasons CPUID -- ${GUEST} --cpuid 23 || exit; done`;
  const counted = run(LAB, ["--", "bash", "-c", script, "run", ...nodes]);
  assert.equal(counted.match(/^114 CPUID +23 +23 +0$/gm)?.length, NODES.length, counted);
});

for (const major of NODES)
  test(`the unit tests pass under Node ${major} with the prebuilt addon`, () => {
    const node = join(run("packaging/fetch-node", [String(major), "x64"]).trim(), "bin/node");
    // Without the addon of this clone the other one is loaded; the tests call Node by its name, too.
    const script = `mount -t tmpfs none build/Release
      exec node --test --test-concurrency=2 dist/test/unit/*.test.js`;
    run("unshare", ["--mount", "bash", "-ec", script], {
      PATH: `${join(node, "..")}:${process.env["PATH"] ?? ""}`,
      NODE_TEST_CONTEXT: undefined,
    });
  });

test("built again in another folder, every package has the same bytes", (t) => {
  const clone = join(temporary(t), "elsewhere");
  mkdirSync(clone);
  const environment = {
    LEVEL: "0",
    SOURCE_DATE_EPOCH: "1700000000",
    NODE_TEST_CONTEXT: undefined,
  };
  run("bash", [
    "-ec",
    'git ls-files -z | xargs -0 cp --parents -t "$0"; cp -r node_modules "$0"; umask 077; touch "$0/node_modules/.package-lock.json"',
    clone,
  ]);
  run("make", ["-C", clone, "bpf", "typescript", "man", "completions", "prebuilds"], environment);
  const sums = (project: string) => {
    const files = ARCHITECTURES.flatMap((architecture) =>
      KINDS.map((kind) => run(join(project, "packaging/pack"), [kind, architecture], environment).trim()),
    );
    run("bash", ["-c", 'cd "$0" && npm pack --silent --pack-destination build', project]);
    return [...files, join(project, "build", basename(packages.npm))].map(
      (file) => `${createHash("sha256").update(readFileSync(file)).digest("hex")} ${basename(file)}`,
    );
  };
  assert.deepEqual(sums(clone), sums(PROJECT));
});
