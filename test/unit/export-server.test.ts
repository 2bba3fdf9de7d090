// SPDX-License-Identifier: MIT
// The exporter's server, its web configuration, its pushes and its places, without a kernel.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, type RequestOptions, createServer, request } from "node:http";
import { request as secureRequest } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { gunzipSync } from "node:zlib";
import { ToolError, UsageError } from "../../src/errors";
import { formatFor, takesGzip } from "../../src/export/accept";
import { type Family, Labels } from "../../src/export/family";
import { otlpJson } from "../../src/export/otlp";
import { SteadyClock } from "../../src/export/steady-clock";
import { Pusher, otlpHeaders, otlpUrl } from "../../src/export/push";
import { type Place, Servers } from "../../src/export/server";
import { readWebConfig } from "../../src/export/web-config";
import { inheritedSockets, parsePlace, placeName } from "../../tools/export/places";
import { userOf } from "../../tools/lib/user";
import { Textfile } from "../../tools/export/textfile";

const FOLDER = mkdtempSync(join(tmpdir(), "export-"));
const ANY_PORT = { host: "127.0.0.1", port: 0 };

/** Of "secret", by htpasswd -nbBC 4. */
const HASH = "$2y$04$bUXbBKzTmpHKPcRWKQZ5p.";

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function get(
  options: RequestOptions,
  send: typeof request | typeof secureRequest = request,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = send(
      { agent: false, rejectUnauthorized: false, ...options } as RequestOptions,
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) });
        });
      },
    );
    asked.on("error", reject).end();
  });
}

const SOURCE = {
  scrape: (format: string, scraper: string) => `${format} ${scraper}\n`,
  failed: () => undefined,
};

async function serving(
  servers: Servers,
  use: (port: number) => Promise<void>,
  place: Place = ANY_PORT,
): Promise<void> {
  try {
    await use((await servers.listen(place)) ?? 0);
  } finally {
    servers.close();
  }
}

test("the format is the one that the scraper likes best", () => {
  const of = (accept?: string) => formatFor(accept);
  const prometheus2 =
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  const prometheus3 =
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
  assert.deepEqual(
    [prometheus2, prometheus3, "application/openmetrics-text"].map(of),
    Array(3).fill("openmetrics"),
  );
  for (const accept of [
    undefined,
    "*/*",
    "text/html,*/*;q=0.8",
    "application/openmetrics-text;version=0.0.1",
    "application/openmetrics-text;version=1.0.0;q=0",
    "application/openmetrics-text;version=1.0.0;q=0.2,text/plain",
    "application/openmetrics-text;q=nonsense",
    ",;=,",
  ])
    assert.equal(of(accept), "prometheus", accept);
  assert.deepEqual(["gzip", "deflate, GZIP;q=0.5", "*", undefined, "gzip;q=0", "identity"].map(takesGzip), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("/metrics, /healthz and nothing else are answered", async () => {
  await serving(new Servers(SOURCE), async (port) => {
    const metrics = await get({ port, path: "/metrics?x=1", headers: { "user-agent": "me" } });
    assert.equal(metrics.status, 200);
    assert.equal(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert.equal(metrics.body.toString(), "prometheus 127.0.0.1 me\n");
    const open = await get({ port, path: "/metrics", headers: { accept: "application/openmetrics-text" } });
    assert.equal(open.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert.equal((await get({ port, path: "/healthz" })).body.toString(), "ok\n");
    assert.match((await get({ port, path: "/" })).body.toString(), /href="\/metrics"/);
    assert.equal((await get({ port, path: "/metrics", method: "HEAD" })).status, 200);
    assert.equal((await get({ port, path: "/etc/passwd" })).status, 404);
    assert.equal((await get({ port, path: "/metrics", method: "POST" })).status, 405);
  });
});

test("an answer is packed for who takes that, and what can't be read is an error", async () => {
  const text = "x 1\n".repeat(1000);
  const failures: unknown[] = [];
  const source = {
    scrape: (_: string, scraper: string) => {
      if (scraper.endsWith("bad")) throw new ToolError("the map is gone");
      return text;
    },
    failed: (error: unknown) => failures.push(error),
  };
  await serving(new Servers(source), async (port) => {
    const packed = await get({ port, path: "/metrics", headers: { "accept-encoding": "gzip" } });
    assert.equal(packed.headers["content-encoding"], "gzip");
    assert.equal(gunzipSync(packed.body).toString(), text);
    const failed = await get({ port, path: "/metrics", headers: { "user-agent": "bad" } });
    assert.equal(failed.status, 500);
    assert.doesNotMatch(failed.body.toString(), /map/);
    assert.equal(failures.length, 1);
  });
});

test("scrapers at the same time each have a whole text of their own, from one buffer", async () => {
  const buffer = Buffer.alloc(2 ** 18);
  let scrapes = 0;
  const source = {
    scrape: () => buffer.fill(0x41 + (scrapes++ % 26)),
    failed: () => undefined,
  };
  await serving(new Servers(source), async (port) => {
    const answers = await Promise.all(
      Array.from({ length: 52 }, (_, i) => {
        const headers = i % 2 === 0 ? {} : { "accept-encoding": "gzip" };
        return get({ port, path: "/metrics", headers });
      }),
    );
    const texts = answers.map(({ headers, body }) => (headers["content-encoding"] ? gunzipSync(body) : body));
    for (const text of texts)
      assert.ok(text.length === buffer.length && text.every((byte) => byte === text[0]));
    assert.equal(new Set(texts.map((text) => text[0])).size, 26);
  });
});

/** What a server answers to these bytes; the connection is closed once the answer is there, or by the server. */
function answerTo(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    const end = () => {
      socket.destroy();
      resolve(text);
    };
    socket.on("data", (data) => {
      text += data.toString("latin1");
      end();
    });
    socket.on("error", end).on("close", end);
    socket.write(bytes);
  });
}

test("what is no request is refused, and those who ask and leave, or don't read, keep no one else waiting", async () => {
  const failures: unknown[] = [];
  const text = Buffer.alloc(2 ** 23, "x");
  const source = { scrape: () => text, failed: (error: unknown) => failures.push(error) };
  await serving(new Servers(source), async (port) => {
    for (const [bytes, answer] of [
      ["nonsense\r\n\r\n", /^HTTP\/1.1 400 /],
      ["GET /metrics HTTP/9.9\r\n\r\n", /^HTTP\/1.1 400 /],
      ["GET /metrics HTTP/1.1\r\n\r\n", /^HTTP\/1.1 400 /],
      [`GET /${"a".repeat(2 ** 17)} HTTP/1.1\r\nHost: a\r\n\r\n`, /^HTTP\/1.1 431 /],
      [`GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(2 ** 17)}\r\n\r\n`, /^HTTP\/1.1 431 /],
      ["GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", /^HTTP\/1.1 400 /],
      ["GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", /^HTTP\/1.1 400 /],
      ["GET //metrics HTTP/1.1\r\nHost: a\r\n\r\n", /^HTTP\/1.1 404 /],
      ["OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", /^HTTP\/1.1 405 /],
      ["GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", /^HTTP\/1.1 200 /],
      [Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]), /^HTTP\/1.1 400 /],
    ] as const)
      assert.match(await answerTo(port, bytes), answer, bytes.toString().slice(0, 60));
    const request = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    // Each is answered with 8 MiB that it doesn't read.
    const slow = Array.from({ length: 8 }, () => connect(port, "127.0.0.1").pause());
    for (const socket of slow) socket.on("error", () => undefined).write(request);
    await Promise.all(slow.map((socket) => once(socket, "readable")));
    for (let i = 0; i < 8; i++) assert.match(await answerTo(port, request), /^HTTP\/1.1 200 /);
    assert.equal((await get({ port, path: "/healthz" })).status, 200);
    for (const socket of slow) socket.destroy();
    assert.deepEqual(failures, []);
  });
});

test("a server that is closed while it answers ends its connections", async () => {
  const servers = new Servers({ scrape: () => Buffer.alloc(2 ** 23, "x"), failed: () => undefined });
  const port = (await servers.listen(ANY_PORT)) ?? 0;
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  await once(socket, "readable");
  servers.close();
  socket.on("error", () => undefined).resume();
  await once(socket, "close");
});

test("a unix socket, and a socket that is open already, are listened on", async () => {
  const socketPath = join(FOLDER, "metrics.sock");
  await serving(
    new Servers(SOURCE),
    async () => {
      assert.equal((await get({ socketPath, path: "/healthz" })).status, 200);
    },
    { path: socketPath },
  );
  await assert.rejects(
    new Servers(SOURCE).listen({ path: join(FOLDER, "no", "folder") }),
    /^ToolError: cannot listen: .*--listen/,
  );
});

test("a unix socket that an ended process left is listened on again, one that is in use and a file are not", async () => {
  const path = join(FOLDER, "left.sock");
  const script =
    'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
  spawnSync(process.execPath, ["-e", script, path]);
  assert.ok(statSync(path).isSocket());
  const refused = (place: string) =>
    assert.rejects(
      new Servers(SOURCE).listen({ path: place }),
      /^ToolError: cannot listen: .*EADDRINUSE.*--listen/,
    );
  await serving(
    new Servers(SOURCE),
    async () => {
      await refused(path);
      assert.equal((await get({ socketPath: path, path: "/healthz" })).status, 200);
    },
    { path },
  );
  const file = join(FOLDER, "file");
  writeFileSync(file, "kept");
  await refused(file);
  assert.equal(readFileSync(file, "utf8"), "kept");
});

/** Makes a certificate for localhost, with its key. */
function certificate(): void {
  const { status, stderr } = spawnSync(
    "openssl",
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem".split(
      " ",
    ),
    { cwd: FOLDER, encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
}

function configure(text: string): string {
  const path = join(FOLDER, "web.yml");
  writeFileSync(path, text);
  return path;
}

test("TLS, users and headers are those of the web configuration", async () => {
  certificate();
  const { hashSync } = await import("bcryptjs");
  const hash = hashSync("secret", 4);
  const path = configure(`tls_server_config:
  cert_file: cert.pem
  key_file: key.pem
  min_version: TLS13
http_server_config:
  http2: false
  headers:
    X-Frame-Options: deny
basic_auth_users:
  alice: ${hash}
`);
  await serving(new Servers(SOURCE, readWebConfig(path)), async (port) => {
    const of = (auth?: string) =>
      get({ port, path: "/metrics", ...(auth === undefined ? {} : { auth }) }, secureRequest);
    const right = await of("alice:secret");
    assert.equal(right.status, 200);
    assert.equal(right.headers["x-frame-options"], "deny");
    assert.equal((await of("alice:secret")).status, 200);
    for (const auth of [undefined, "alice:wrong", "bob:secret", "alice:", ":"]) {
      const wrong = await of(auth);
      assert.equal(wrong.status, 401, auth);
      assert.match(wrong.headers["www-authenticate"] ?? "", /^Basic/);
    }
    await assert.rejects(get({ port, path: "/metrics" }), /socket hang up|ECONNRESET/);
  });
});

test("certificates of scrapers are asked for as the web configuration says", async () => {
  certificate();
  const mine = { cert: readFileSync(join(FOLDER, "cert.pem")), key: readFileSync(join(FOLDER, "key.pem")) };
  for (const [kind, without] of [
    ["RequireAnyClientCert", false],
    ["VerifyClientCertIfGiven", true],
    ["RequireAndVerifyClientCert", false],
    ["RequestClientCert", true],
  ] as const) {
    const ca = kind.includes("Verify") ? "\n  client_ca_file: cert.pem" : "";
    const path = configure(
      `tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n  client_auth_type: ${kind}${ca}\n`,
    );
    await serving(new Servers(SOURCE, readWebConfig(path)), async (port) => {
      const options = { port, path: "/healthz" };
      assert.equal((await get({ ...options, ...mine }, secureRequest)).status, 200, kind);
      const bare = get(options, secureRequest);
      if (without) assert.equal((await bare).status, 200, kind);
      else await assert.rejects(bare, kind);
    });
  }
});

test("a web configuration that isn't one is refused, with what is wrong", () => {
  for (const [text, fault] of [
    ["tls_server_config: [1]", /tls_server_config is no map/],
    ["tls_server: {}", /unknown key, "tls_server"/],
    ["tls_server_config: {cert_file: cert.pem}", /needs cert_file and key_file/],
    ["tls_server_config: {cert_file: no.pem, key_file: no.pem}", /cert_file "\S+no\.pem" isn't there/],
    ["tls_server_config: {cert: a, key: b, min_version: SSL3}", /min_version "SSL3"; known are TLS10/],
    ["tls_server_config: {cert: a, key: b, client_allowed_sans: [x]}", /unknown key, "client_allowed_sans"/],
    [
      "tls_server_config: {cert: a, key: b, client_auth_type: RequireAndVerifyClientCert}",
      /needs client_ca_file/,
    ],
    [`basic_auth_users: {alice: secret}`, /no bcrypt hash for "alice"/],
    [`basic_auth_users: {alice: "${HASH}"}`, /no bcrypt hash for "alice"/],
    ["http_server_config: {headers: {Server: x}}", /has "Server"; known are/],
    ["a: [", /web configuration/],
    ["- a", /it is no map/],
  ] as const)
    assert.throws(
      () => readWebConfig(configure(text)),
      (error) => error instanceof UsageError && fault.test(error.message) && !error.message.includes("\n"),
      text,
    );
  assert.throws(
    () => readWebConfig("/no/such/file"),
    /the web configuration "\/no\/such\/file" isn't there; name a file/,
  );
  assert.equal(readWebConfig(configure("")).passwords, undefined);
});

test("places are addresses with ports, and paths", () => {
  assert.deepEqual(["127.0.0.1:80", "[::1]:0", ":9", "localhost:1", "/run/a", "unix:a"].map(parsePlace), [
    { host: "127.0.0.1", port: 80 },
    { host: "::1", port: 0 },
    { host: "::", port: 9 },
    { host: "localhost", port: 1 },
    { path: "/run/a" },
    { path: "a" },
  ]);
  for (const text of ["", "80", "a:b:1", "a:70000", "unix:", `/${"x".repeat(108)}`, "http://a:1"])
    assert.throws(() => parsePlace(text), UsageError, text);
  assert.equal(placeName({ host: "::1", port: 0 }, 81), "[::1]:81");
});

test("systemd's sockets are those that this process was given, once", () => {
  const environment = { LISTEN_PID: "7", LISTEN_FDS: "2", LISTEN_FDNAMES: "a:b", PATH: "/bin" };
  assert.deepEqual(inheritedSockets({ ...environment }, 8), []);
  assert.deepEqual(inheritedSockets(environment, 7), [{ fd: 3 }, { fd: 4 }]);
  assert.deepEqual(environment, { PATH: "/bin" });
});

test("root becomes the user that is given, one of its own, or nobody", () => {
  mkdirSync(join(FOLDER, "etc"));
  writeFileSync(join(FOLDER, "etc", "passwd"), "root:x:0:0::/:\nkvm-vmexit:x:101:102::/:\nbad:x:a:b::/:\n");
  const of = (text?: string) => userOf(text, FOLDER);
  assert.deepEqual(
    [of(), of("kvm-vmexit"), of("7:8")],
    [
      { uid: 101, gid: 102 },
      { uid: 101, gid: 102 },
      { uid: 7, gid: 8 },
    ],
  );
  assert.deepEqual(userOf(undefined, join(FOLDER, "empty")), { uid: 65_534, gid: 65_534 });
  for (const text of ["", "root", "0:0", "bad", "nosuch", "7", "7:8:9", "4294967295:1", "a\nb"])
    assert.throws(() => of(text), UsageError, text);
});

test("a textfile is written whole for all to read, and only as .prom", () => {
  const path = join(FOLDER, "kvm.prom");
  const file = new Textfile(path);
  for (const text of ["a 1\n", "a 2\n"]) {
    file.write(text);
    assert.equal(readFileSync(path, "utf8"), text);
  }
  assert.equal(statSync(path).mode & 0o777, 0o644);
  assert.deepEqual(
    readdirSync(FOLDER).filter((name) => name.includes("kvm.prom")),
    ["kvm.prom"],
  );
  file.remove();
  assert.throws(() => statSync(path), /ENOENT/);
  assert.throws(() => new Textfile(join(FOLDER, "kvm.txt")), /ends in \.prom/);
  assert.throws(() => new Textfile("/no/such/kvm.prom"), /^UsageError: .* there is no folder "\/no\/such";/);
  const folder = mkdtempSync(join(FOLDER, "gone-"));
  const lost = new Textfile(join(folder, "kvm.prom"));
  lost.write("a");
  rmSync(folder, { recursive: true });
  assert.throws(() => {
    lost.write("b");
  }, /^ToolError: cannot write .*kvm\.prom/);
  assert.deepEqual(lost.outcomes, { written: 1, failed: 1 });
});

const POINTS = [{ labels: new Labels([["vm", 'a"b']], 1000.5), value: 7 }];
const FAMILIES: readonly Family[] = [
  { name: "kvm.vmexit.exits", unit: "{exit}", help: "VM exits.", kind: "counter", points: POINTS },
  {
    name: "kvm.vmexit.vm",
    unit: "",
    help: "Who.",
    kind: "info",
    points: [{ ...(POINTS[0] ?? assert.fail()), value: 1 }],
  },
  { name: "kvm.vmexit.empty", unit: "s", help: "Nothing.", kind: "gauge", points: [] },
  {
    name: "kvm.vmexit.handling_time",
    unit: "s",
    help: "Times.",
    kind: "histogram",
    bounds: [0.5, 2],
    points: [{ labels: new Labels([], 1000), buckets: [1, 2, 3], count: 6, sum: 8.5 }],
  },
];

test("OTLP's JSON has each point with its time and what it is about", () => {
  const attributes = [{ key: "vm", value: { stringValue: 'a"b' } }];
  assert.deepEqual(
    JSON.parse(otlpJson(FAMILIES, { now: 2000, behindMs: 0 }, [["service.name", "x"]], "1.2.3")),
    {
      resourceMetrics: [
        {
          resource: { attributes: [{ key: "service.name", value: { stringValue: "x" } }] },
          scopeMetrics: [
            {
              scope: { name: "kvm-vmexit", version: "1.2.3" },
              metrics: [
                {
                  name: "kvm.vmexit.exits",
                  unit: "{exit}",
                  description: "VM exits.",
                  sum: {
                    aggregationTemporality: 2,
                    isMonotonic: true,
                    dataPoints: [
                      { attributes, startTimeUnixNano: "1000500000", timeUnixNano: "2000000000", asInt: "7" },
                    ],
                  },
                },
                {
                  name: "kvm.vmexit.vm_info",
                  unit: "",
                  description: "Who.",
                  gauge: { dataPoints: [{ attributes, timeUnixNano: "2000000000", asDouble: 1 }] },
                },
                {
                  name: "kvm.vmexit.handling_time",
                  unit: "s",
                  description: "Times.",
                  histogram: {
                    aggregationTemporality: 2,
                    dataPoints: [
                      {
                        attributes: [],
                        startTimeUnixNano: "1000000000",
                        timeUnixNano: "2000000000",
                        count: "6",
                        sum: 8.5,
                        bucketCounts: ["1", "2", "3"],
                        explicitBounds: [0.5, 2],
                      },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
    },
  );
});

test("no beginning is after the moment that is told, though the clock was set back, and none moves without need", () => {
  const [HOUR, BEGAN] = [3_600_000, 1_790_000_000_000];
  let [set, ran] = [0, 5];
  const clock = new SteadyClock(
    () => BEGAN + ran - 5 + set,
    () => ran,
  );
  const labels = new Labels([], clock.now());
  const family: Family = { name: "a", unit: "s", help: "", kind: "counter", points: [{ labels, value: 1 }] };
  const told = () =>
    /"startTimeUnixNano":"(\d+)000000","timeUnixNano":"(\d+)000000"/
      .exec(otlpJson([family], clock.told(), [], ""))
      ?.slice(1)
      .map((ms) => Number(ms) - BEGAN);
  ran += 1000;
  assert.deepEqual([clock.now() - BEGAN, told()], [1000, [0, 1000]]);
  // Slewed by half a second, set ahead, set back by two hours, set right again, set back a little less.
  for (const [by, start] of [
    [-500, 0],
    [2 * HOUR, 0],
    [-2 * HOUR, -2 * HOUR],
    [0, -2 * HOUR],
    [-HOUR, -2 * HOUR],
    [-5 * HOUR, -5 * HOUR],
  ] as const) {
    set = by;
    ran += 1000;
    assert.deepEqual(told(), [start, ran - 5 + by]);
    assert.equal(clock.now() - BEGAN, ran - 5);
  }
  // A counter that began within the slack begins when it is told.
  set = -6 * HOUR;
  clock.told();
  set = -6 * HOUR - 900;
  assert.deepEqual(told(), [-6 * HOUR, ran - 5 - 6 * HOUR - 900]);
  const late = new Labels([], clock.now());
  const points = [{ labels: late, value: 1 }];
  const { now, behindMs } = clock.told();
  const text = otlpJson([{ ...family, points }], { now, behindMs }, [], "");
  assert.match(text, new RegExp(`"startTimeUnixNano":"${now}000000","timeUnixNano":"${now}000000"`));
});

test("the receiver's URL and headers are those that were given", () => {
  for (const [text, url] of [
    ["http://a:4318", "http://a:4318/v1/metrics"],
    ["https://a/api/v1/otlp/", "https://a/api/v1/otlp/v1/metrics"],
    ["http://a/v1/metrics", "http://a/v1/metrics"],
  ] as const)
    assert.equal(otlpUrl(text).href, url);
  for (const text of ["", "localhost:4318", "ftp://a"]) assert.throws(() => otlpUrl(text), UsageError, text);
  assert.deepEqual(otlpHeaders("Authorization=Bearer%20x, a=b=c,"), { authorization: "Bearer x", a: "b=c" });
  for (const text of ["secret", "a=%zz", "a b=c", "a=b\nc"])
    assert.throws(
      () => otlpHeaders(text),
      (error) => error instanceof UsageError && !error.message.includes("secret"),
    );
});

/** Pushes to a receiver that answers as it is told, on a clock that only waits move. */
async function pushes(
  answers: readonly (readonly [number, Record<string, string>?, string?])[],
  times: number,
  everyMs: number,
): Promise<{ pusher: Pusher; bodies: string[]; waits: number[]; said: string[] }> {
  const [bodies, waits, said]: [string[], number[], string[]] = [[], [], []];
  const rest = [...answers];
  const receiver = createServer((asked, response) => {
    const chunks: Buffer[] = [];
    asked.on("data", (chunk: Buffer) => chunks.push(chunk));
    asked.on("end", () => {
      bodies.push(gunzipSync(Buffer.concat(chunks)).toString());
      const [status, headers = {}, body = "{}"] = rest.shift() ?? [200];
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  let now = 0;
  const pusher = new Pusher({
    url: new URL(`http://user:pass@127.0.0.1:${(receiver.address() as AddressInfo).port}/v1/metrics`),
    headers: {},
    everyMs,
    now: () => now,
    wait: (ms) => {
      waits.push(ms);
      now += ms;
      return Promise.resolve();
    },
    random: () => 1,
    say: (line) => said.push(line),
  });
  try {
    for (let i = 0; i < times; i++) await pusher.push(`reading ${i}`);
  } finally {
    receiver.close();
    receiver.closeAllConnections();
  }
  return { pusher, bodies, waits, said };
}

test("what a receiver doesn't take is tried again, longer apart or when it says", async () => {
  const { pusher, bodies, waits, said } = await pushes(
    [[503], [429, { "retry-after": "7" }], [502]],
    2,
    60_000,
  );
  assert.deepEqual(waits, [1000, 7000, 4000]);
  assert.deepEqual(bodies, ["reading 0", "reading 0", "reading 0", "reading 0", "reading 1"]);
  assert.deepEqual(pusher.outcomes, { pushed: 2, lost: 0 });
  assert.match(said[0] ?? "", /^cannot push to http:\/\/127\.0\.0\.1:\d+\/v1\/metrics: it answered 503/);
  assert.match(said[1] ?? "", /taken again$/);
  assert.equal(said.length, 2);
  assert.doesNotMatch(said.join(), /pass/);
});

test("a push ends when the next one is due, and is counted as lost", async () => {
  const { pusher, waits } = await pushes(Array(100).fill([503]), 2, 10_000);
  assert.deepEqual(waits, [1000, 2000, 4000, 1000, 2000, 4000]);
  assert.deepEqual(pusher.outcomes, { pushed: 0, lost: 2 });
});

test("what is refused for good isn't tried again; points that are refused are counted", async () => {
  const partial = '{"partialSuccess":{"rejectedDataPoints":"17","errorMessage":"too old"}}';
  const { pusher, waits, said } = await pushes(
    [
      [400, {}, "bad\nbody"],
      [200, {}, partial],
    ],
    2,
    60_000,
  );
  assert.deepEqual(waits, []);
  assert.deepEqual([pusher.outcomes, pusher.rejectedPoints], [{ pushed: 1, lost: 1 }, 17]);
  assert.match(said.join("\n"), /400: bad body/);
});
