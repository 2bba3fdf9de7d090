// SPDX-License-Identifier: MIT
// The package as npm would ship it: installed without a script, a compiler, a cache or a registry, it counts exits.
import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { GUEST, PROJECT } from "../tools";

const ARCHITECTURES = ["x64", "arm64"];

function succeeded(result: SpawnSyncReturns<string>): string {
  assert.equal(result.status, 0, result.stdout + result.stderr);
  return result.stdout;
}

for (const architecture of ARCHITECTURES)
  test(`the prebuilt addon for ${architecture} needs glibc 2.28 and what Node needs, and is written by the loader once`, () => {
    const addon = join(PROJECT, "prebuilds", `linux-${architecture}`, "vmexit.node");
    const read = (option: string) =>
      succeeded(spawnSync("readelf", [option, "--wide", addon], { encoding: "utf8" }));
    const newest = (name: string) =>
      [...read("--version-info").matchAll(new RegExp(`Name: ${name}_([0-9.]+)`, "g"))]
        .map(([, version = ""]) => version.split(".").map(Number))
        .sort(([a = 0, b = 0, c = 0], [d = 0, e = 0, f = 0]) => a - d || b - e || c - f)
        .at(-1);
    // Those of Node's own binaries, 20 to 26.
    const [major, minor = NaN] = newest("GLIBC") ?? [];
    assert.ok(major === 2 && minor <= 28, `GLIBC_2.${minor}`);
    const [, , patch = NaN] = newest("GLIBCXX") ?? [];
    assert.ok(patch <= 21, `GLIBCXX_3.4.${patch}`);
    const dynamic = read("--dynamic");
    const needed = [...dynamic.matchAll(/NEEDED.*\[(.*)\]/g)].map(([, name = ""]) => name);
    assert.deepEqual(
      needed.filter((name) => !/^(lib(stdc\+\+|m|gcc_s|c)|ld-linux-.*)\.so/.test(name)),
      [],
    );
    const undefinedSymbols = [...read("--dyn-syms").matchAll(/ GLOBAL .* UND ([^@\s]+)$/gm)];
    assert.deepEqual(
      undefinedSymbols.map(([, name = ""]) => name).filter((name) => !name.startsWith("napi_")),
      [],
      "only Node's functions have no version",
    );
    assert.match(dynamic, /FLAGS.*BIND_NOW/);
    assert.doesNotMatch(dynamic, /RPATH|RUNPATH|TEXTREL/);
    assert.match(read("--program-headers"), /GNU_RELRO/);
  });

test("npm pack, then npm install -g of it, gives working tools", () => {
  const folder = mkdtempSync(join(tmpdir(), "package-"));
  try {
    for (const compiler of ["cc", "c++", "gcc", "g++", "make", "python3", "clang", "bpftool"]) {
      writeFileSync(join(folder, compiler), "#!/bin/sh\necho no compiler here >&2\nexit 1\n");
      chmodSync(join(folder, compiler), 0o755);
    }
    const env = {
      ...process.env,
      PATH: `${folder}:${process.env["PATH"] ?? ""}`,
      npm_config_cache: join(folder, "cache"),
    };
    const options = { cwd: PROJECT, env, encoding: "utf8" } as const;
    const packed = succeeded(spawnSync("npm", ["pack", "--json", "--pack-destination", folder], options));
    const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
    const paths = files.map((file) => file.path);
    for (const wanted of [
      "LICENSE",
      "README.md",
      "dist/bpf/vmexit.x64.bpf.o",
      "dist/bpf/vmexit.arm64.bpf.o",
      "dist/completions/zsh/_kvm-vmexit-count",
      ...ARCHITECTURES.map((architecture) => `prebuilds/linux-${architecture}/vmexit.node`),
      "prebuilds/LICENSES",
      "node_modules/cli-table3/package.json",
    ])
      assert.ok(paths.includes(wanted), wanted);
    assert.deepEqual(
      paths.filter((path) => /^(test|dist\/test|build|bench)\/|^docs\/bench\.json$/.test(path)),
      [],
    );
    const prefix = join(folder, "prefix");
    succeeded(
      spawnSync(
        "npm",
        ["install", "-g", "--prefix", prefix, "--offline", "--ignore-scripts", join(folder, filename)],
        options,
      ),
    );
    const tool = join(prefix, "bin", "kvm-vmexit-count");
    const library = join(prefix, "lib", "node_modules", "kvm-vmexit");
    const script = `import(${JSON.stringify(join(library, "dist", "src", "index.js"))})
      .then(({ openSession, diff, group }) => console.log(typeof openSession, typeof diff, typeof group))`;
    assert.equal(
      succeeded(spawnSync(process.execPath, ["-e", script], { encoding: "utf8" })),
      "function function function\n",
    );
    assert.ok(existsSync(join(library, "dist", "src", "index.d.ts")));
    assert.ok(existsSync(join(prefix, "share", "man", "man1", "kvm-vmexit-count.1")));
    assert.ok(!existsSync(join(library, "build")));
    const help = succeeded(spawnSync(tool, ["--help"], { encoding: "utf8" }));
    assert.match(help, /^Usage: kvm-vmexit-count/);
    const command = [tool, "--reasons", "CPUID", "--", GUEST, "--cpuid", "23"];
    const counted = succeeded(
      spawnSync(join(PROJECT, "lab", "run"), ["--", ...command], { encoding: "utf8" }),
    );
    assert.match(counted, /^114 CPUID +23 +23 +0$/m);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the archive, the .deb and the .rpm bring a Node of their own and count exits; made again, one has the same bytes", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "package-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  // The quickest compression: what is inside is the same.
  const env = { ...process.env, LEVEL: "0" };
  const kinds = [
    ["archive", 'tar -x --strip-components=1 -f "$1"', "kvm-vmexit"],
    ["deb", 'dpkg-deb -x "$1" .', "usr/bin/kvm-vmexit"],
    ["rpm", 'rpm2cpio "$1" | cpio -i -d --quiet', "usr/bin/kvm-vmexit"],
  ] as const;
  const pack = (kind: string, umask: string) =>
    succeeded(
      spawnSync("bash", ["-c", `umask ${umask}; exec packaging/pack ${kind} x64`], {
        cwd: PROJECT,
        env,
        encoding: "utf8",
      }),
    ).trim();
  const tools = kinds.map(([kind, unpack, tool]) => {
    const cwd = join(folder, kind);
    mkdirSync(cwd);
    const file = pack(kind, "022");
    if (kind === "rpm") {
      const bytes = readFileSync(file);
      assert.ok(bytes.equals(readFileSync(pack(kind, "077"))), "another umask and time make other bytes");
    }
    succeeded(spawnSync("bash", ["-ec", unpack, "unpack", file], { cwd, encoding: "utf8" }));
    return join(cwd, tool);
  });
  // None of these variables reaches Node: each of the first two would end it.
  const openssl = join(folder, "openssl.cnf");
  writeFileSync(
    openssl,
    `nodejs_conf = nodejs\n[nodejs]\nengines = engines\n[engines]\nguest = guest\n[guest]\ndynamic_path = ${GUEST}\n`,
  );
  const script = `export NODE_OPTIONS=--bogus OPENSSL_CONF=${openssl} LD_PRELOAD= LD_AUDIT=/nowhere NODE_PATH=/nowhere
    for tool; do "$tool" count --reasons CPUID -- ${GUEST} --cpuid 23 || exit; done`;
  const lab = spawnSync(join(PROJECT, "lab", "run"), ["--", "bash", "-c", script, "run", ...tools], {
    encoding: "utf8",
  });
  assert.equal(succeeded(lab).match(/^114 CPUID +23 +23 +0$/gm)?.length, kinds.length, lab.stdout);
});
