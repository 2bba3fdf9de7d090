// SPDX-License-Identifier: MIT
// The completions, asked for in the shells themselves.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { COMMANDS, treeOf } from "../../packaging/commands";
import { wordsOf } from "../../packaging/shells/words";
import { optionsOf } from "../../tools/lib/help";
import { PROJECT } from "../tools";

const FOLDER = join(PROJECT, "dist", "completions");

function run(
  program: string,
  parameters: string[],
  environment: Readonly<Record<string, string>> = {},
): string {
  const { status, stdout, stderr } = spawnSync(program, parameters, {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C.UTF-8", HOME: "/nonexistent", TERM: "xterm", ...environment },
    timeout: 60_000,
  });
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}

/** What bash offers for the last of the words, which readline has split at =. */
function bash(tool: string, ...words: string[]): string[] {
  const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _${tool.replaceAll("-", "_")}
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  return run("bash", ["-c", script, "bash", join(FOLDER, "bash", tool), tool, ...words])
    .trimEnd()
    .split("\n");
}

/** What fish offers at the end of a line. */
function fish(tool: string, line: string): string[] {
  const file = join(FOLDER, "fish", `${tool}.fish`);
  const script = "source $argv[1]; complete -C $argv[2]";
  const offered = run("fish", ["--no-config", "-c", script, file, `${tool} ${line}`]);
  return offered
    .trimEnd()
    .split("\n")
    .map((row) => (row.split("\t")[0] ?? "").replace(/=$/, ""))
    .sort();
}

/** What zsh makes of the ends of lines when the tab key is pressed there, in an interactive shell on a terminal. */
function zsh(tool: string, ...lines: string[]): string[] {
  return zshWith({}, tool, lines);
}

function zshWith(more: Readonly<Record<string, string>>, tool: string, lines: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "zsh-"));
  try {
    const lineEditor = `zle-line-init() {
      for BUFFER in "\${(@f)LINES_TO_COMPLETE}"; do
        CURSOR=$#BUFFER; zle complete-word; print -r -- "$BUFFER" >>$COMPLETED
      done
      exit
    }`;
    writeFileSync(
      join(folder, ".zshrc"),
      `fpath=($COMPLETIONS $fpath); autoload -U compinit; compinit -u -D; ${lineEditor}; zle -N zle-line-init\n`,
    );
    const completed = join(folder, "completed");
    const environment = {
      ...more,
      ZDOTDIR: folder,
      COMPLETIONS: join(FOLDER, "zsh"),
      COMPLETED: completed,
      LINES_TO_COMPLETE: lines.map((line) => `${tool} ${line}`).join("\n"),
    };
    const terminal = "zmodload zsh/zpty; zpty shell zsh -d -i; while zpty -r shell; do :; done";
    run("zsh", ["-f", "-c", terminal], environment);
    return readFileSync(completed, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => line.slice(tool.length).trim());
  } finally {
    rmSync(folder, { recursive: true });
  }
}

void (async () => {
  for (const command of COMMANDS) {
    const tool = command.name;
    test(`${tool}: the shells take the files as they are`, () => {
      run("shellcheck", ["-s", "bash", join(FOLDER, "bash", tool)]);
      run("zsh", ["-n", join(FOLDER, "zsh", `_${tool}`)]);
      run("fish", ["--no-execute", join(FOLDER, "fish", `${tool}.fish`)]);
    });

    for (const named of await treeOf(command)) {
      const { name, path: words } = named;
      const options = optionsOf(named.tool);
      const commands = wordsOf(named.tool);

      test(`${name}: every option is offered`, () => {
        const flags = options.flatMap((option) => option.flags);
        const long = flags.filter((flag) => flag.startsWith("--"));
        const line = words.map((word) => `${word} `).join("");
        const ownFlags = (offers: readonly string[]) => offers.filter((word) => word !== "--");
        assert.deepEqual(ownFlags(bash(tool, ...words, "-")), flags);
        // One whose value may be left out is offered with and without =.
        const offered = fish(tool, `${line}--`).map((word) => word.replace(/=$/, ""));
        assert.deepEqual([...new Set(offered)], [...long].sort());
        // Without their last letter, most can only be themselves.
        const clear = long.filter(
          (flag) => long.filter((other) => other.startsWith(flag.slice(0, -1))).length === 1,
        );
        const completed = zsh(tool, ...clear.map((flag) => line + flag.slice(0, -1)));
        assert.deepEqual(
          completed.map((word) => word.replace(/=$/, "")),
          clear.map((flag) => line + flag),
        );
        if (commands.length === 0) return;
        assert.deepEqual(bash(tool, ...words, "").slice(0, commands.length), commands);
        assert.deepEqual(fish(tool, line), [...commands].sort());
        assert.deepEqual(bash(tool, ...words, "hel"), ["help"]);
      });

      test(`${name}: values are offered`, () => {
        const lineTo = (flags: readonly string[]) => [...words, flags.at(-1) ?? ""];
        const few = options.flatMap(({ flags, choices, implied }) =>
          choices ? [{ flags, choices, joined: implied !== undefined }] : [],
        );
        const lastOf = (choices: readonly string[]) => choices.at(-1) ?? "";
        for (const { flags, choices, joined } of few) {
          const line = lineTo(flags);
          if (!joined) assert.deepEqual(bash(tool, ...line, ""), choices);
          else assert.ok(!choices.some((choice) => bash(tool, ...line, "").includes(choice)));
          assert.deepEqual(bash(tool, ...line, "="), choices);
          assert.deepEqual(bash(tool, ...line, "=", lastOf(choices)), [lastOf(choices)]);
          if (!joined) assert.deepEqual(fish(tool, `${line.join(" ")} `), [...choices].sort());
          else
            assert.deepEqual(
              fish(tool, `${line.join(" ")}=`),
              choices.map((choice) => `${line.at(-1) ?? ""}=${choice}`).sort(),
            );
        }
        const whole = few.map(
          ({ flags, choices, joined }) => lineTo(flags).join(" ") + (joined ? "=" : " ") + lastOf(choices),
        );
        if (few.length > 0) assert.deepEqual(zsh(tool, ...whole.map((line) => line.slice(0, -1))), whole);
        for (const { flags, value } of options)
          if (value === "SEC") assert.deepEqual(bash(tool, ...lineTo(flags), ""), [""]);
      });
    }
  }
})();

test("after -- a command is completed, not the tool", () => {
  for (const words of [["kvm-vmexit-count"], ["kvm-trace", "record"], ["kvm-vmexit", "count"]] as const) {
    const [tool, ...more] = words;
    const line = more.map((word) => `${word} `).join("");
    assert.ok(bash(tool, ...more, "--", "mkfif").includes("mkfifo"));
    assert.ok(bash(tool, ...more, "--", "ls", "/etc/passw").includes("/etc/passwd"));
    assert.ok(fish(tool, `${line}-- mkfif`).includes("mkfifo"));
    assert.ok(fish(tool, `${line}-- ls /etc/passw`).includes("/etc/passwd"));
    const lines = [`${line}-- mkfif`, `${line}-- ls /etc/passw`];
    assert.deepEqual(zsh(tool, ...lines), [`${line}-- mkfifo`, `${line}-- ls /etc/passwd`]);
  }
});

test("exit reasons are offered where they belong, in lists, too", () => {
  for (const option of ["--reasons", "--excludes"]) {
    assert.deepEqual(bash("kvm-vmexit-count", option, "HL"), ["HLT"]);
    assert.deepEqual(bash("kvm-vmexit-count", option, "=", "CPUID,HL"), ["CPUID,HLT"]);
    assert.deepEqual(fish("kvm-vmexit-count", `${option} HL`), ["HLT"]);
    assert.deepEqual(fish("kvm-vmexit-count", `${option} CPUID,HL`), ["CPUID,HLT"]);
    const lines = [`${option} HL`, `${option} CPUID,HL`, `${option}=CPUID,HL`];
    // A comma follows, which a blank takes away.
    assert.deepEqual(
      zsh("kvm-vmexit-count", ...lines),
      lines.map((line) => line.replace(/HL$/, "HLT,")),
    );
  }
  assert.deepEqual(bash("kvm-vmexit-hist", "HL"), ["HLT"]);
  assert.deepEqual(fish("kvm-vmexit-hist", "CPUID HL"), ["HLT"]);
  assert.deepEqual(zsh("kvm-vmexit-hist", "HL", "CPUID HL"), ["HLT", "CPUID HLT"]);
});

test("zsh offers an option again if its lists add up", () => {
  const lines = ["--reasons CPUID --rea", "--excludes HLT --excl", "-p 1 --pi", "--vcpu 0 --vcp"];
  assert.deepEqual(
    zsh("kvm-vmexit-count", ...lines, "--vm a --unit ns --uni").map((line) => line.replace(/=$/, "")),
    [
      "--reasons CPUID --reasons",
      "--excludes HLT --excludes",
      "-p 1 --pid",
      "--vcpu 0 --vcpu",
      "--vm a --unit ns --uni",
    ],
  );
});

test("files are offered where files belong, and commands where they do", () => {
  assert.ok(bash("kvm-trace", "report", "/etc/passw").includes("/etc/passwd"));
  assert.ok(bash("kvm-trace", "record", "-o", "/etc/passw").includes("/etc/passwd"));
  assert.ok(bash("kvmtrace_format", "/etc/passw").includes("/etc/passwd"));
  assert.ok(fish("kvm-trace", "report /etc/passw").includes("/etc/passwd"));
  assert.ok(fish("kvmtrace_format", "/etc/passw").includes("/etc/passwd"));
  assert.deepEqual(fish("kvm-trace", "re"), ["record", "report"]);
  assert.deepEqual(fish("kvm-vmexit", "trace re"), ["record", "report"]);
  assert.deepEqual(zsh("kvm-vmexit", "trace rec", "help tim", "hist HL"), [
    "trace record",
    "help time",
    "hist HLT",
  ]);
  assert.deepEqual(zsh("kvm-trace", "rec", "report /etc/passw"), ["record", "report /etc/passwd"]);
  assert.deepEqual(zsh("kvmtrace_format", "/etc/passw"), ["/etc/passwd"]);
});

test("the reasons offered are those of the host's processor", () => {
  const folder = mkdtempSync(join(tmpdir(), "processor-"));
  try {
    // Programs that answer for another host, before those of this one.
    const stub = (name: string, answer: string) => {
      writeFileSync(join(folder, name), `#!/bin/sh\necho '${answer}'\n`, { mode: 0o755 });
    };
    const PATH = `${folder}:${process.env["PATH"] ?? ""}`;
    for (const [machine, flags, own, others] of [
      ["aarch64", "", "HVC64", ["VMCALL", "VMMCALL"]],
      ["riscv64", "", "EXC_VIRTUAL_INST_FAULT", ["HVC64", "VMCALL"]],
      ["x86_64", "flags : fpu vmx smx", "VMCALL", ["HVC64", "VMMCALL"]],
      ["x86_64", "flags : fpu svm", "VMMCALL", ["HVC64", "VMCALL"]],
    ] as const) {
      stub("uname", machine);
      stub("grep", flags);
      const script = `source "$1"; COMP_WORDS=(kvm-vmexit-hist ""); COMP_CWORD=1; _kvm_vmexit_hist
        printf '%s\\n' "\${COMPREPLY[@]}"`;
      const path = join(FOLDER, "bash", "kvm-vmexit-hist");
      const inBash = run("bash", ["-c", script, "bash", path], { PATH }).split("\n");
      const fishScript = "source $argv[1]; complete -C 'kvm-vmexit-hist '";
      const fishFile = join(FOLDER, "fish", "kvm-vmexit-hist.fish");
      const inFish = run("fish", ["--no-config", "-c", fishScript, fishFile], { PATH }).split("\n");
      for (const offered of [inBash, inFish]) {
        assert.ok(offered.includes(own), `${machine} ${flags}: ${own}`);
        for (const other of others) assert.ok(!offered.includes(other), `${machine} ${flags}: ${other}`);
      }
      assert.deepEqual(zshWith({ PATH }, "kvm-vmexit-hist", [own.slice(0, -1)]), [own]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("VMs' names, and the pids of processes that run VMs, in lists, too", () => {
  const folder = mkdtempSync(join(tmpdir(), "vms-"));
  try {
    const answer = "case $3 in pids) echo 4242; echo 77;; vms) echo web-1; echo db;; esac";
    writeFileSync(join(folder, "kvm-vmexit"), `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
    const PATH = `${folder}:${process.env["PATH"] ?? ""}`;
    const inBash = (...words: string[]) => {
      const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kvm_vmexit_count
        printf '%s\\n' "\${COMPREPLY[@]}"`;
      const file = join(FOLDER, "bash", "kvm-vmexit-count");
      return run("bash", ["-c", script, "bash", file, "kvm-vmexit-count", ...words], { PATH })
        .trimEnd()
        .split("\n");
    };
    const inFish = (line: string) => {
      const script = "source $argv[1]; complete -C $argv[2]";
      const file = join(FOLDER, "fish", "kvm-vmexit-count.fish");
      const offered = run("fish", ["--no-config", "-c", script, file, `kvm-vmexit-count ${line}`], { PATH });
      return offered
        .trimEnd()
        .split("\n")
        .map((row) => row.split("\t")[0])
        .sort();
    };
    assert.deepEqual(inBash("-p", ""), ["4242", "77"]);
    assert.deepEqual(inBash("--pid", "1,4"), ["1,4242"]);
    assert.deepEqual(inBash("--vm", ""), ["web-1", "db"]);
    assert.deepEqual(inBash("--vm", "w"), ["web-1"]);
    assert.deepEqual(inFish("-p "), ["4242", "77"]);
    assert.deepEqual(inFish("--vm w"), ["web-1"]);
    assert.deepEqual(zshWith({ PATH }, "kvm-vmexit-count", ["--vm w", "-p 77,4"]), [
      "--vm web-1",
      "-p 77,4242",
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
