// SPDX-License-Identifier: MIT
// Debian's Prometheus and promtool, for the tests: fetched once, run as a user does.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT } from "../tools";

/** The folder of Prometheus and promtool of a suite. */
export function fetched(suite: string): string {
  const { status, stdout, stderr } = spawnSync(join(PROJECT, "lab", "fetch-prometheus"), [suite], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

/** Runs promtool to its end. */
export function promtool(parameters: readonly string[], input = ""): string {
  const { status, stdout, stderr } = spawnSync(join(fetched("bookworm"), "promtool"), parameters, {
    encoding: "utf8",
    input,
  });
  assert.equal(status, 0, stdout + stderr);
  return stdout + stderr;
}

/** Tries until it doesn't throw, for a minute. */
export async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++)
    try {
      return await attempt();
    } catch (error) {
      if (tries > 600) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

/** A series that a query found, and its value. */
export interface Found {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** A Prometheus that runs. */
export class Prometheus {
  readonly #process: ChildProcess;
  readonly url: string;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.url = url;
  }

  /** Starts one of a suite with a configuration, and waits until it answers. */
  static async start(suite: string, configuration: string, ...flags: string[]): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), "prometheus-"));
    writeFileSync(join(folder, "prometheus.yml"), configuration);
    const place = `127.0.0.1:${await freePort()}`;
    const process = spawn(
      join(fetched(suite), "prometheus"),
      [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=${place}`,
        "--log.level=error",
        ...flags,
      ],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    const prometheus = new Prometheus(process, `http://${place}`);
    await eventually(async () => {
      assert.equal((await fetch(`${prometheus.url}/-/ready`)).status, 200);
    });
    return prometheus;
  }

  /** What an expression finds. */
  async ask(expression: string): Promise<readonly Found[]> {
    const answer = await fetch(`${this.url}/api/v1/query`, {
      method: "POST",
      body: new URLSearchParams({ query: expression }),
    });
    const text = await answer.text();
    assert.equal(answer.status, 200, `${expression}: ${text}`);
    return (JSON.parse(text) as { data: { result: readonly Found[] } }).data.result;
  }

  /** The value of an expression that finds one series. */
  async value(expression: string): Promise<number> {
    const [found] = await this.ask(expression);
    assert.ok(found, expression);
    return Number(found.value[1]);
  }

  /** Ends it. */
  async end(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }
}
