// The package as npm would ship it: installed into an empty prefix without a BPF compiler, it counts exits.
import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { GUEST, PROJECT } from "../tools";

function succeeded(result: SpawnSyncReturns<string>): string {
  assert.equal(result.status, 0, result.stdout + result.stderr);
  return result.stdout;
}

test("npm pack, then npm install -g of it, gives working tools", () => {
  const folder = mkdtempSync(join(tmpdir(), "package-"));
  try {
    for (const compiler of ["clang", "clang-14", "bpftool", "llc"]) {
      writeFileSync(join(folder, compiler), "#!/bin/sh\necho no compiler here >&2\nexit 1\n");
      chmodSync(join(folder, compiler), 0o755);
    }
    const env = { ...process.env, PATH: `${folder}:${process.env["PATH"] ?? ""}` };
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
        ["install", "-g", "--prefix", prefix, "--prefer-offline", join(folder, filename)],
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
    const addon = join(library, "build", "Release", "vmexit.node");
    assert.doesNotMatch(succeeded(spawnSync("ldd", [addon], { encoding: "utf8" })), /libbpf/);
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
