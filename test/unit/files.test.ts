// SPDX-License-Identifier: MIT
// Files written in folders that other users own: no other user decides what is written, or reads it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  fstatSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { UsageError } from "../../src/errors";
import {
  type WriteOptions,
  changedByOthers,
  narrow,
  narrowestMode,
  openToRead,
  openToWrite,
} from "../../tools/lib/files";
import { PROJECT } from "../tools";

const MEND = "name another file with -o";
/** To a process of somebody else, everything that a test makes is another user's. */
const STRANGER: WriteOptions = { mend: MEND, trusted: new Set([4_000_000]) };

/** Runs `body` in a folder of its own, which only this user may change. */
function inFolder(body: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "files-"));
  try {
    body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Writes a text as a tool would, and returns the file's name. */
function write(path: string, text: string, options: WriteOptions = { mend: MEND }): string {
  const descriptor = openToWrite(path, options);
  writeSync(descriptor, text);
  closeSync(descriptor);
  return path;
}

function refused(path: string, why: RegExp, options: WriteOptions = { mend: MEND }): void {
  const before = readdirSync("/proc/self/fd").length;
  assert.throws(
    () => openToWrite(path, options),
    (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, why);
      assert.match(error.message, /^cannot write [^\n]*; name another file with -o$/);
      assert.doesNotMatch(error.message, /proc\/self/);
      return true;
    },
  );
  assert.equal(readdirSync("/proc/self/fd").length, before, "no descriptor stays open");
}

test("a new file is its user's alone, and one that exists keeps what is in it", () => {
  inFolder((folder) => {
    const path = write(join(folder, "new"), "abc");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    write(path, "X");
    assert.equal(readFileSync(path, "utf8"), "Xbc");
    write(path, "Y", { mend: MEND, append: true });
    assert.equal(readFileSync(path, "utf8"), "XbcY");
    assert.equal(statSync(write(join(folder, "wider"), "", { mend: MEND, mode: 0o640 })).mode & 0o137, 0);
  });
});

test("paths lead where the system has them lead", () => {
  inFolder((folder) => {
    mkdirSync(join(folder, "a", "b"), { recursive: true });
    symlinkSync("a/b", join(folder, "relative"));
    symlinkSync(join(folder, "a"), join(folder, "absolute"));
    symlinkSync("../later", join(folder, "a", "dangling"));
    for (const [way, place] of [
      ["./relative/../1", "a/1"],
      ["absolute//b/./2", "a/b/2"],
      ["a/dangling", "later"],
      ["a/../3", "3"],
    ] as const) {
      write(`${folder}/${way}`, way);
      assert.equal(readFileSync(join(folder, place), "utf8"), way);
    }
    const here = process.cwd();
    process.chdir(folder);
    write("4", "here");
    process.chdir(here);
    assert.equal(readFileSync(join(folder, "4"), "utf8"), "here");
  });
});

test("another user's folder takes new files; its links and files are not written", () => {
  inFolder((folder) => {
    const target = write(join(folder, "target"), "kept");
    symlinkSync(target, join(folder, "link"));
    symlinkSync(".", join(folder, "folder"));
    symlinkSync("nothing", join(folder, "dangling"));
    refused(join(folder, "link"), /a link on the way to it is user \d+'s/, STRANGER);
    refused(join(folder, "dangling"), /a link on the way/, STRANGER);
    refused(join(folder, "folder", "new"), /a link on the way/, STRANGER);
    refused(target, /user \d+ owns it/, STRANGER);
    assert.equal(readFileSync(target, "utf8"), "kept");
    assert.equal(readFileSync(write(join(folder, "new"), "new", STRANGER), "utf8"), "new");
    assert.deepEqual(readdirSync(folder).sort(), ["dangling", "folder", "link", "new", "target"]);
  });
});

test("a link of one's own is followed unless others may replace it; a file with further names likewise", () => {
  inFolder((folder) => {
    const open = join(folder, "open");
    mkdirSync(open);
    const target = write(join(folder, "target"), "");
    symlinkSync(target, join(open, "link"));
    linkSync(target, join(open, "name"));
    chmodSync(open, 0o777);
    refused(join(open, "link"), /a link on the way to it is in a folder that others may change/);
    refused(join(open, "name"), /it has 2 names, and others can write in its folder/);
    write(join(open, "new"), "");
    for (const mode of [0o1777, 0o755]) {
      chmodSync(open, mode);
      write(join(open, "link"), "through");
      write(join(open, "name"), "through");
    }
    assert.equal(readFileSync(target, "utf8"), "through");
  });
});

test("what is no file is refused where it has to be one, and written where not", () => {
  inFolder((folder) => {
    const pipe = join(folder, "pipe");
    assert.equal(spawnSync("mkfifo", [pipe]).status, 0);
    const alone = { mend: MEND, alone: true };
    refused(pipe, /it is no regular file/, alone);
    refused("/dev/null", /it is no regular file/, alone);
    refused(pipe, /ENXIO/);
    const reader = openSync(pipe, "r+");
    write(pipe, "through");
    const bytes = Buffer.alloc(100);
    assert.equal(bytes.toString("utf8", 0, readSync(reader, bytes)), "through");
    closeSync(reader);
    write("/dev/null", "gone");
  });
});

test("standard output by its name is the one that the process has", () => {
  const program = `const { openToWrite } = require("./dist/tools/lib/files");
    require("fs").writeSync(openToWrite(process.argv[1], { mend: "" }), "seen");`;
  for (const name of ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]) {
    // Node's own pipes are sockets, which can't be opened by a name.
    const { stdout, stderr } = spawnSync(
      "sh",
      ["-c", '"$@" | cat', "sh", process.execPath, "-e", program, name],
      {
        cwd: PROJECT,
        encoding: "utf8",
      },
    );
    assert.deepEqual([stdout, stderr], ["seen", ""], name);
  }
});

test("whatever the system says of a path is one line", () => {
  inFolder((folder) => {
    symlinkSync("loop", join(folder, "loop"));
    writeFileSync(join(folder, "file"), "");
    for (const [path, why] of [
      ["", /EISDIR/],
      ["loop", /ELOOP/],
      ["none/new", /ENOENT/],
      ["file/new", /ENOTDIR/],
      ["x".repeat(300), /ENAMETOOLONG/],
      ["..", /EISDIR/],
      ["new/", /ENOENT/],
    ] as const)
      refused(`${folder}/${path}`, why);
    refused("", /ENOENT/);
    refused(`${folder}/${"a\u009b\n".repeat(3)}/b`, /a\\x9b\\x0a/);
  });
});

test("a second process that would write a file is refused, until the first has ended", () => {
  inFolder((folder) => {
    const path = join(folder, "recording");
    const alone = { mend: MEND, alone: true };
    const first = openToWrite(path, alone);
    refused(path, /another process is writing it/, alone);
    closeSync(first);
    closeSync(openToWrite(path, alone));
    // A process that was killed leaves no lock.
    const killed = `require("./dist/tools/lib/files").openToWrite(${JSON.stringify(path)}, { mend: "", alone: true });
      process.kill(process.pid, "SIGKILL");`;
    assert.equal(
      spawnSync(process.execPath, ["-e", killed], { cwd: PROJECT, encoding: "utf8" }).signal,
      "SIGKILL",
    );
    closeSync(openToWrite(path, alone));
  });
});

test("what is made of recordings can only be read by those who can read all of them", () => {
  inFolder((folder) => {
    const made = ([0o644, 0o640, 0o600] as const).map((mode) => {
      const path = join(folder, mode.toString(8));
      writeFileSync(path, "");
      chmodSync(path, mode);
      return openSync(path, "r+");
    });
    const [all = 0, group = 0, own = 0] = made;
    const ofModes = (...modes: readonly string[]) =>
      narrowestMode(modes.map((mode) => join(folder, mode)))
        .toString(8)
        .slice(-3);
    assert.equal(ofModes("644"), "644");
    assert.equal(ofModes("644", "640"), "640");
    assert.equal(ofModes("600", "644"), "600");
    assert.equal(narrowestMode([join(folder, "644"), "/dev/null"]), 0o600);
    assert.equal(narrowestMode([join(folder, "missing")]), 0o600);
    narrow(all, 0o640);
    narrow(group, 0o604);
    narrow(own, 0o666);
    assert.deepEqual(
      made.map((descriptor) => fstatSync(descriptor).mode & 0o777),
      [0o640, 0o600, 0o600],
    );
    for (const descriptor of made) closeSync(descriptor);
  });
});

test("a file that others cut, wrote, moved or removed is told from one that they left alone", () => {
  inFolder((folder) => {
    const path = join(folder, "recording");
    const descriptor = openToWrite(path, { mend: MEND });
    writeSync(descriptor, "0123456789");
    const changed = (bytes = 10) => changedByOthers(path, descriptor, bytes);
    assert.equal(changed(), undefined);
    truncateSync(path, 4);
    assert.equal(changed(), "was cut to 4 bytes, of 10");
    assert.equal(changed(3), "was changed to 4 bytes, of 3");
    renameSync(path, `${path}.old`);
    assert.equal(changed(4), "was moved away");
    writeFileSync(path, "0123");
    assert.equal(changed(4), "was moved away");
    rmSync(`${path}.old`);
    assert.equal(changed(4), "was removed");
    const reader = openToRead(descriptor) ?? -1;
    assert.equal(readFileSync(reader, "utf8"), "0123");
    closeSync(reader);
    closeSync(descriptor);
  });
});
