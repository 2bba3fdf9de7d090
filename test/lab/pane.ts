// SPDX-License-Identifier: MIT
// Terminals for tests of screens: keys typed, the screen read.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { until } from "./stat-logs";

/** Runs tmux, with a server of its own. */
export function tmux(...parameters: string[]): string {
  const { status, stdout, stderr } = spawnSync(
    "tmux",
    ["-L", "kvm-vmexit", "-f", "/dev/null", ...parameters],
    {
      encoding: "utf8",
    },
  );
  assert.equal(status, 0, stderr);
  return stdout;
}

/** A terminal in which a shell runs a command. */
export class Pane {
  readonly #name: string;
  private constructor(name: string, command: readonly string[] = ["sh"], columns = 80, rows = 24) {
    this.#name = name;

    tmux("new-session", "-d", "-s", name, "-x", String(columns), "-y", String(rows), ...command);
  }

  /** One in which nothing but the command runs. */
  static bare(name: string, command: string): Pane {
    return new Pane(name, [command]);
  }

  /** One of 80 columns and 24 rows unless told otherwise. */
  static async open(name: string, command: string, columns = 80, rows = 24): Promise<Pane> {
    const pane = new Pane(name, ["sh"], columns, rows);
    await pane.seen(/^[#$]$/);
    pane.type(
      `PS1='$ '; ${command}; echo "status $?"; stty -a | grep -o ' -*icanon\\| -*echo$\\| -*echo '`,
      "Enter",
    );
    return pane;
  }

  type(...keys: string[]): void {
    tmux("send-keys", "-t", this.#name, ...keys);
  }

  resize(columns: number, rows: number): void {
    tmux("resize-window", "-t", this.#name, "-x", String(columns), "-y", String(rows));
  }

  get text(): string {
    return tmux("capture-pane", "-p", "-t", this.#name)
      .split("\n")
      .map((line) => line.trimEnd())
      .join("\n")
      .trimEnd();
  }

  async seen(pattern: RegExp): Promise<void> {
    await this.shows(String(pattern), (text) => pattern.test(text));
  }

  /** Waits until its text is as `isShown` asks. */
  async shows(what: string, isShown: (text: string) => boolean): Promise<void> {
    try {
      await until(what, () => isShown(this.text));
    } catch (error) {
      throw new Error(`${String(error)}:\n${this.text}`);
    }
  }

  /** Waits until the program has ended with `status` and the terminal is the shell's again. */
  async givenBack(status: number): Promise<void> {
    await this.seen(new RegExp(`^status ${status}\\n`, "m"));
    await this.seen(/^ icanon$[^]*^ echo$|^ icanon$/m);
  }
}

/** Ends all terminals. */
export function closePanes(): void {
  tmux("kill-server");
}
