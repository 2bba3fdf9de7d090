// SPDX-License-Identifier: MIT
// Pushes readings to a receiver of OTLP over HTTP: retried within bounds, and what is lost is counted.
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { UsageError, messageOf } from "../errors";

const compress = promisify(gzip);

/** What became of a push. */
export interface Outcomes extends Record<string, number> {
  /** Taken by the receiver. */
  pushed: number;
  /** Given up: counters are in the next one, which loses only that moment. */
  lost: number;
}

export interface PushOptions {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** From one push to the next: so long one is tried. */
  readonly everyMs: number;
  /** In ms, on a clock that is never set. */
  readonly now: () => number;
  /** Waits so many ms; rejects when the exporter ends. */
  readonly wait: (ms: number) => Promise<void>;
  /** From 0 to 1, which spreads exporters that all lost the same receiver. */
  readonly random: () => number;
  /** Says what fails, once, and that it works again. */
  readonly say: (line: string) => void;
}

const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 32_000;
// A receiver that takes no more than this for an answer is waited for.
const PATIENCE_MS = 10_000;
// An answer has a sentence in it at most.
const MAX_ANSWER = 2 ** 16;
const MAX_SAID = 200;
// OTLP's specification: these may be tried again.
const RETRYABLE = new Set([429, 502, 503, 504]);

/** What a receiver answered. */
interface Answer {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  readonly body: string;
}

/** The URL to which metrics are pushed, from what a user gives: OTLP's path is added to a base. */
export function otlpUrl(text: string): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new UsageError(`--otlp takes a URL such as http://localhost:4318, not ${JSON.stringify(text)}`);
  const url = new URL(text);
  if (!url.pathname.endsWith("/v1/metrics")) url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/metrics`;
  return url;
}

/** Headers as OTEL_EXPORTER_OTLP_HEADERS has them: `name=value,name=value`, percent-encoded. @throws UsageError */
export function otlpHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of text.split(",")) {
    if (pair.trim() === "") continue;
    const [, name, value] = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*([\x21-\x7e]*)\s*$/.exec(pair) ?? [];
    // What was given may be a secret: it isn't repeated.
    if (name === undefined || value === undefined)
      throw new UsageError(
        "OTEL_EXPORTER_OTLP_HEADERS takes name=value,name=value with percent-encoded values",
      );
    try {
      headers[name.toLowerCase()] = decodeURIComponent(value);
    } catch {
      throw new UsageError(`OTEL_EXPORTER_OTLP_HEADERS has a value of ${name} that isn't percent-encoded`);
    }
  }
  return headers;
}

/** Seconds or a date, as Retry-After has them, in ms from `now` on. */
function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

async function readAnswer(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function post(url: URL, headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? secureRequest : plainRequest;
    const request = send(url, {
      method: "POST",
      headers: {
        ...headers,
        "content-type": "application/json",
        "content-encoding": "gzip",
        "content-length": body.length,
      },
      timeout: PATIENCE_MS,
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${PATIENCE_MS / 1000} s`)));
    request.on("error", reject);
    request.on("response", (response) => {
      readAnswer(response).then((text) => {
        const status = response.statusCode ?? 0;
        resolve({
          status,
          retryAfterMs: retryAfter(response.headers["retry-after"], Date.now()),
          body: text,
        });
      }, reject);
    });
    request.end(body);
  });
}

/** How many points a receiver took not, of those that it answered 200 to, and why. */
function rejected(body: string): [number, string] {
  try {
    const { partialSuccess } = JSON.parse(body) as { partialSuccess?: Record<string, unknown> };
    const count = Number(partialSuccess?.["rejectedDataPoints"] ?? 0);
    const why = partialSuccess?.["errorMessage"];
    return [Number.isSafeInteger(count) && count > 0 ? count : 0, typeof why === "string" ? why : ""];
  } catch {
    return [0, ""];
  }
}

/** Pushes one reading after the other. */
export class Pusher {
  readonly #options: PushOptions;
  readonly #where: string;
  #failing = false;
  readonly outcomes: Outcomes = { pushed: 0, lost: 0 };
  /** Points that the receiver took not, of pushes that it took. */
  rejectedPoints = 0;

  constructor(options: PushOptions) {
    this.#options = options;
    // A password in a URL isn't repeated.
    this.#where = `${options.url.protocol}//${options.url.host}${options.url.pathname}`;
  }

  /** Tries until the receiver takes it, or refuses it for good, or the time of the next one has come. */
  async push(body: string): Promise<void> {
    const { now, wait, random, everyMs, url, headers } = this.#options;
    const packed = await compress(body, { level: 1 });
    const end = now() + everyMs;
    for (let pause = FIRST_WAIT_MS; ; pause = Math.min(2 * pause, MAX_WAIT_MS)) {
      let fault: string;
      let waitMs = pause * (0.5 + random() / 2);
      try {
        const answer = await post(url, headers, packed);
        if (answer.status >= 200 && answer.status < 300) {
          this.#taken(answer.body);
          return;
        }
        fault = `it answered ${answer.status}: ${answer.body.slice(0, MAX_SAID).replaceAll(/\s+/g, " ").trim()}`;
        if (!RETRYABLE.has(answer.status)) waitMs = Infinity;
        else if (answer.retryAfterMs !== undefined) waitMs = answer.retryAfterMs;
      } catch (error) {
        fault = messageOf(error);
      }
      this.#fails(fault);
      if (now() + waitMs >= end) {
        this.outcomes.lost++;
        return;
      }
      await wait(waitMs);
    }
  }

  #fails(fault: string): void {
    if (!this.#failing)
      this.#options.say(`cannot push to ${this.#where}: ${fault}; trying on, losses are counted`);
    this.#failing = true;
  }

  #taken(body: string): void {
    this.outcomes.pushed++;
    const [count, why] = rejected(body);
    if (count > 0) {
      this.rejectedPoints += count;
      this.#fails(`it refused ${count} points: ${why.slice(0, MAX_SAID)}`);
      return;
    }
    if (this.#failing) this.#options.say(`pushes to ${this.#where} are taken again`);
    this.#failing = false;
  }
}
