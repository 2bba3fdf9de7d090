// SPDX-License-Identifier: MIT
// A receiver of OTLP for the tests: Debian's VictoriaMetrics, in front of which OTLP's own definition reads the JSON, since
// it takes protobuf only.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { type IncomingMessage, type Server, createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { PROJECT } from "../tools";
import { type Found, eventually, freePort } from "./prometheus";

// Google's parser refuses what the messages don't have.
const TO_PROTOBUF = `
import sys
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
request = json_format.Parse(sys.stdin.buffer.read(), ExportMetricsServiceRequest())
sys.stdout.buffer.write(request.SerializeToString())
`;

/** A receiver that runs. */
export class Receiver {
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #database: string;
  readonly #server: Server;
  /** Where to push to. */
  url = "";

  private constructor(folder: string, process: ChildProcess, database: string) {
    this.#folder = folder;
    this.#process = process;
    this.#database = database;
    this.#server = createServer((request, response) => {
      this.#take(request).then(
        (status) => response.writeHead(status).end(),
        (error: unknown) => response.writeHead(400).end(String(error)),
      );
    });
  }

  /** Starts one, and waits until it answers. */
  static async start(): Promise<Receiver> {
    const { status, stdout, stderr } = spawnSync(join(PROJECT, "lab", "fetch-otlp"), { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const folder = stdout.trim();
    const place = `127.0.0.1:${await freePort()}`;
    const process = spawn(
      join(folder, "victoria-metrics"),
      [
        `-storageDataPath=${mkdtempSync(join(tmpdir(), "receiver-"))}`,
        `-httpListenAddr=${place}`,
        "-opentelemetry.usePrometheusNaming",
        "-search.latencyOffset=0s",
        "-loggerLevel=ERROR",
      ],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    const receiver = new Receiver(folder, process, `http://${place}`);
    await eventually(async () => {
      assert.equal((await fetch(`${receiver.#database}/health`)).status, 200);
    });
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    const address = receiver.#server.address();
    receiver.url = `http://127.0.0.1:${typeof address === "object" ? (address?.port ?? 0) : 0}`;
    return receiver;
  }

  async #take(request: IncomingMessage): Promise<number> {
    const { method, url, headers } = request;
    assert.deepEqual(
      [method, url, headers["content-type"], headers["content-encoding"]],
      ["POST", "/v1/metrics", "application/json", "gzip"],
    );
    const { status, stdout, stderr } = spawnSync("python3", ["-c", TO_PROTOBUF], {
      input: gunzipSync(await buffer(request)),
      maxBuffer: 2 ** 26,
      env: {
        ...process.env,
        PYTHONPATH: join(this.#folder, "python"),
        // Its C is for another version of Python.
        PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION: "python",
      },
    });
    assert.equal(status, 0, String(stderr));
    const answer = await fetch(`${this.#database}/opentelemetry/v1/metrics`, {
      method: "POST",
      headers: { "content-type": "application/x-protobuf" },
      body: stdout,
    });
    return answer.status;
  }

  /** All series of a name that a pattern finds, and their values. */
  async series(pattern: string): Promise<readonly Found[]> {
    await fetch(`${this.#database}/internal/force_flush`);
    // Of the next second: without a time it takes the whole second before now, in which there was nothing yet.
    const time = String((Date.now() + 1000) / 1000);
    const query = new URLSearchParams({
      query: `{__name__=~${JSON.stringify(pattern)}}`,
      time,
      nocache: "1",
    });
    const answer = await fetch(`${this.#database}/api/v1/query`, { method: "POST", body: query });
    return ((await answer.json()) as { data: { result: readonly Found[] } }).data.result;
  }

  /** Ends it. */
  async end(): Promise<void> {
    this.#server.close();
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }
}
