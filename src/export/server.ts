// SPDX-License-Identifier: MIT
// Answers scrapes over HTTP: /metrics, /healthz and a page that leads to them.
import { lstatSync, unlinkSync } from "node:fs";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { Server as SecureServer } from "node:https";
import { connect } from "node:net";
import type { TLSSocket } from "node:tls";
import { ToolError, messageOf } from "../errors";
import { formatFor, takesGzip } from "./accept";
import { CONTENT_TYPE, type TextFormat } from "./text";
import { type ClientAuth, OPEN, type WebConfig } from "./web";

/** Where to listen: an address and port, a unix socket's path, or a socket that is open already. */
export type Place =
  { readonly host: string; readonly port: number } | { readonly path: string } | { readonly fd: number };

/** What a server answers with. */
export interface Source {
  /** The metrics, which may be written over in the next call. @param scraper who asks */
  scrape(format: TextFormat, scraper: string): string | Uint8Array;
  /** Told what failed; the scraper gets an answer of its own. */
  failed(error: unknown): void;
}

// A Prometheus keeps one connection; some, with a user's browser, fit many times.
const MAX_CONNECTIONS = 64;
// Longer than scrapers usually wait between two scrapes, so that a connection is kept, and TLS's handshake saved.
const KEEP_ALIVE_MS = 125_000;
// For a request's head, and without progress of an answer.
const PATIENCE_MS = 10_000;
// Who sends no more than this needs no more to be told apart.
const MAX_SCRAPER = 128;
// Level 1 takes a tenth more bytes than 6, and a third of its time. At once: a text that waits for a thread takes memory of its own.
const GZIP = { level: 1, chunkSize: 2 ** 18 } as const;
// Below this gzip saves no packet.
const GZIP_FROM = 1024;

const PAGE = `<!doctype html><html lang="en"><title>kvm-vmexit</title><h1>kvm-vmexit export</h1>
<p><a href="/metrics">Metrics</a> <a href="/healthz">Health</a></p></html>
`;

/** Whether a scraper's certificate is what was asked for, as far as Node hasn't seen to it. */
function isWelcome(socket: TLSSocket, clientAuth: ClientAuth): boolean {
  const given = Object.keys(socket.getPeerCertificate()).length > 0;
  if (clientAuth === "RequireAnyClientCert") return given;
  return clientAuth !== "VerifyClientCertIfGiven" || !given || socket.authorized;
}

function scraperOf({ socket, headers }: IncomingMessage): string {
  return `${socket.remoteAddress ?? ""} ${headers["user-agent"] ?? ""}`.slice(0, MAX_SCRAPER);
}

/** Whether a path is a socket on which no process listens: an exporter that gave up root's powers can't remove its own. */
async function isLeft(path: string): Promise<boolean> {
  if (!lstatSync(path).isSocket()) return false;
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(false);
    });
    socket.on("error", ({ code }: NodeJS.ErrnoException) => {
      resolve(code === "ECONNREFUSED");
    });
  });
}

/** Servers with one source, one for each place. */
export class Servers {
  readonly #source: Source;
  readonly #servers: (Server | SecureServer)[] = [];
  #web: WebConfig;

  constructor(source: Source, web: WebConfig = OPEN) {
    this.#source = source;
    this.#web = web;
  }

  /**
   * Listens in a place.
   * @returns the port, where it has one
   * @throws ToolError if that can't be
   */
  async listen(place: Place): Promise<number | undefined> {
    const server = await this.#create();
    const listening = () =>
      new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(place, resolve);
      });
    try {
      await listening().catch(async (error: unknown) => {
        const isTaken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
        if (!isTaken || !("path" in place) || !(await isLeft(place.path))) throw error;
        unlinkSync(place.path);
        await listening();
      });
    } catch (error) {
      throw new ToolError(`cannot listen: ${messageOf(error)}; give another place with --listen`);
    }
    server.on("error", (error) => {
      this.#source.failed(error);
    });
    this.#servers.push(server);
    const address = server.address();
    return typeof address === "object" ? address?.port : undefined;
  }

  /** Takes another configuration for what comes: certificates, users and headers. Whether there is TLS stays. */
  configure(web: WebConfig): void {
    for (const server of this.#servers)
      if (web.tls && "setSecureContext" in server) server.setSecureContext(web.tls);
    this.#web = { ...web, tls: this.#web.tls, clientAuth: this.#web.clientAuth };
  }

  /** Answers nothing any more. */
  close(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  async #create(): Promise<Server | SecureServer> {
    const listener = (request: IncomingMessage, response: ServerResponse) => {
      this.#answer(request, response).catch((error: unknown) => {
        this.#source.failed(error);
        response.destroy();
      });
    };
    const options = {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: PATIENCE_MS,
      requestTimeout: PATIENCE_MS,
    };
    const { tls, clientAuth } = this.#web;
    const server = tls
      ? (await import("node:https")).createServer({ ...options, ...tls }, listener)
      : createServer(options, listener);
    server.maxConnections = MAX_CONNECTIONS;
    server.timeout = PATIENCE_MS;
    if (tls)
      server.on("secureConnection", (socket: TLSSocket) => {
        if (!isWelcome(socket, clientAuth)) socket.destroy();
      });
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (
      status: number,
      type: string,
      body: string | Uint8Array,
      headers: Record<string, string> = {},
    ) => {
      response.writeHead(status, {
        "content-type": type,
        // HEAD has none to tell: what is counted depends on when it is asked for.
        ...(request.method === "HEAD" ? {} : { "content-length": Buffer.byteLength(body) }),
        ...this.#web.headers,
        ...headers,
      });
      response.end(request.method === "HEAD" ? undefined : body);
    };
    const say = (status: number, line: string, headers: Record<string, string> = {}) => {
      send(status, "text/plain; charset=utf-8", `${line}\n`, headers);
    };
    // A body isn't read: the connection ends after the answer.
    if (request.method !== "GET" && request.method !== "HEAD") {
      say(405, "only GET and HEAD", { allow: "GET, HEAD", connection: "close" });
      return;
    }
    const verdict = await (this.#web.passwords?.check(request.headers.authorization) ?? "right");
    if (verdict === "wrong") say(401, "unauthorized", { "www-authenticate": 'Basic realm="kvm-vmexit"' });
    else if (verdict === "busy") say(503, "too many passwords to check", { "retry-after": "1" });
    else
      switch (request.url?.split("?")[0]) {
        case "/metrics":
          await this.#metrics(request, send, say);
          break;
        case "/healthz":
          say(200, "ok");
          break;
        case "/":
          send(200, "text/html; charset=utf-8", PAGE);
          break;
        default:
          say(404, "there are /metrics and /healthz");
      }
  }

  async #metrics(
    request: IncomingMessage,
    send: (status: number, type: string, body: string | Uint8Array, headers: Record<string, string>) => void,
    say: (status: number, line: string) => void,
  ): Promise<void> {
    const format = formatFor(request.headers.accept);
    if (request.method === "HEAD") {
      send(200, CONTENT_TYPE[format], "", { vary: "accept, accept-encoding" });
      return;
    }
    // Loaded by the first scrape that takes it, and before it is made: the next one may write over its text.
    const gzip = takesGzip(request.headers["accept-encoding"]) ? await import("node:zlib") : undefined;
    let text: string | Uint8Array;
    try {
      text = this.#source.scrape(format, scraperOf(request));
    } catch (error) {
      this.#source.failed(error);
      say(500, "the counters can't be read; the exporter's messages say why");
      return;
    }
    const packed = text.length >= GZIP_FROM ? gzip?.gzipSync(text, GZIP) : undefined;
    send(200, CONTENT_TYPE[format], packed ?? Buffer.from(text), {
      vary: "accept, accept-encoding",
      ...(packed ? { "content-encoding": "gzip" } : {}),
    });
  }
}
