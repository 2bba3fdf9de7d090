// SPDX-License-Identifier: MIT
// The command that a tool runs while it traces.
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { ToolError, UsageError } from "../../src/errors";
import type { Stop } from "./stop";
import { under } from "./tool";
import { type User, userOf } from "./user";

/** `--user`, for tools that take `-- COMMAND`. */
export const COMMAND_USER = under("tracing", {
  user: {
    flags: ["--user"],
    value: "NAME",
    description:
      "run COMMAND as this user of /etc/passwd, with its groups, or as UID:GID; its caller has to be root",
    parse: (text: string): CommandUser => ({
      ...userOf(text),
      name: /^[\d:]+$/.test(text) ? undefined : text,
    }),
  },
});

/** The user that a command runs as. */
export interface CommandUser extends User {
  /** Where it was given by name: its further groups are this user's. */
  readonly name: string | undefined;
}

/** A command, and how it runs. */
export interface ToRun {
  readonly command: readonly string[];
  readonly user: CommandUser | undefined;
  /** File descriptor for its standard output: 2 where ours is for programs to read. */
  readonly output: 1 | 2;
}

/** Node's spawn() takes a user's further groups away: util-linux's setpriv sets them. */
function asUser({ uid, gid, name }: CommandUser, command: readonly string[]): readonly string[] {
  const groups = name === undefined ? ["--clear-groups"] : ["--init-groups"];
  return ["setpriv", `--reuid=${name ?? uid}`, `--regid=${gid}`, ...groups, "--", ...command];
}

/** A command that runs while tracing. */
export class TracedCommand {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  /** Resolves once the program runs. @throws ToolError if it can't be run */
  readonly started: Promise<void>;
  #running = true;

  private constructor(command: readonly string[], output: 1 | 2, stop: Stop) {
    const [program = "", ...parameters] = command;
    this.#child = spawn(program, parameters, { stdio: ["inherit", output, "inherit"] });
    this.started = new Promise((resolve, reject) => {
      this.#child.on("spawn", resolve);
      this.#child.on("error", (error: NodeJS.ErrnoException) => {
        reject(
          new ToolError(
            `cannot run "${program}" (${error.code ?? error.message}); check the command after --`,
          ),
        );
      });
    });
    this.#ended = new Promise((resolve) => {
      this.#child.on("exit", (code, signal) => {
        this.#running = false;
        resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
        stop.stop();
      });
    });
  }

  /** Runs a command; undefined if there is none. */
  static run({ command, user, output }: ToRun, stop: Stop): TracedCommand | undefined {
    if (command.length === 0) return undefined;
    return new TracedCommand(user ? asUser(user, command) : command, output, stop);
  }

  /** The command's exit status, 128 + n after signal n; one that still runs is asked to end, and not waited for. */
  async finish(): Promise<number> {
    if (this.#running) {
      this.#child.kill("SIGTERM");
      this.#child.unref();
      return 0;
    }
    return this.#ended;
  }
}

/** @throws UsageError if there is no command that could run as the user; ToolError if this user may not make it so */
export function checkUser(user: CommandUser | undefined, command: readonly string[]): void {
  if (user === undefined) return;
  if (command.length === 0) throw new UsageError("--user is COMMAND's; give one after --");
  if (process.geteuid?.() !== 0)
    throw new ToolError("--user needs root; leave it out, or run this through sudo");
}
