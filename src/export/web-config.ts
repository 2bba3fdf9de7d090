// SPDX-License-Identifier: MIT
// The web configuration file that Prometheus's exporters share: TLS, users, headers.
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { UsageError, messageOf } from "../errors";
import { quoted } from "../text";
import { readExcerpt } from "../host/read";
import { Passwords } from "./passwords";
import type { ClientAuth, WebConfig } from "./web";

const MAX_BYTES = 2 ** 20;

const VERSIONS: Readonly<Record<string, "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3">> = {
  TLS10: "TLSv1",
  TLS11: "TLSv1.1",
  TLS12: "TLSv1.2",
  TLS13: "TLSv1.3",
};

/** Go's names of what it thinks safe, and OpenSSL's. Those of TLS 1.3 can't be chosen there. */
const CIPHERS: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: "ECDHE-ECDSA-AES256-GCM-SHA384",
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
};

const CURVES: Readonly<Record<string, string>> = {
  CurveP256: "P-256",
  CurveP384: "P-384",
  CurveP521: "P-521",
  X25519: "X25519",
};

/** How each kind asks for a certificate; what Node doesn't check itself is in isWelcome(). */
const CLIENT_AUTH: Readonly<
  Record<ClientAuth, { readonly requestCert: boolean; readonly rejectUnauthorized: boolean }>
> = {
  NoClientCert: { requestCert: false, rejectUnauthorized: false },
  RequestClientCert: { requestCert: true, rejectUnauthorized: false },
  RequireAnyClientCert: { requestCert: true, rejectUnauthorized: false },
  VerifyClientCertIfGiven: { requestCert: true, rejectUnauthorized: false },
  RequireAndVerifyClientCert: { requestCert: true, rejectUnauthorized: true },
};

const HEADERS = [
  "Content-Security-Policy",
  "Strict-Transport-Security",
  "X-Content-Type-Options",
  "X-Frame-Options",
  "X-XSS-Protection",
];

const HASH = /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/;

/** A map of the file, whose keys are taken out one by one; what is left is unknown. */
class Section {
  readonly #file: string;
  readonly #name: string;
  readonly #rest: Map<string, unknown>;

  constructor(file: string, name: string, value: unknown) {
    this.#file = file;
    this.#name = name;
    if (value !== undefined && value !== null && (typeof value !== "object" || Array.isArray(value)))
      this.fault("is no map");
    this.#rest = new Map(Object.entries(value ?? {}));
  }

  fault(what: string): never {
    throw new UsageError(`web configuration ${quoted(this.#file)}: ${this.#name || "it"} ${what}`);
  }

  get isEmpty(): boolean {
    return this.#rest.size === 0;
  }

  #take(key: string): unknown {
    const value = this.#rest.get(key);
    this.#rest.delete(key);
    return value ?? undefined;
  }

  section(key: string): Section {
    return new Section(this.#file, key, this.#take(key));
  }

  text(key: string): string | undefined {
    const value = this.#take(key);
    if (value === undefined || typeof value === "string") return value;
    return this.fault(`has a ${key} that is no text`);
  }

  /** A boolean. */
  flag(key: string): boolean | undefined {
    const value = this.#take(key);
    if (value === undefined || typeof value === "boolean") return value;
    return this.fault(`has a ${key} that is neither true nor false`);
  }

  /** The words of a list, each as `words` translates it. */
  list(key: string, words: Readonly<Record<string, string>>): string[] {
    const value = this.#take(key) ?? [];
    if (!Array.isArray(value)) this.fault(`has a ${key} that is no list`);
    return value.map((word: unknown) => this.#known(key, String(word), words));
  }

  /** One of some words, as `words` translates it. */
  word<T>(key: string, words: Readonly<Record<string, T>>): T | undefined {
    const text = this.text(key);
    return text === undefined ? undefined : this.#known(key, text, words);
  }

  #known<T>(key: string, word: string, words: Readonly<Record<string, T>>): T {
    const found = Object.hasOwn(words, word) ? words[word] : undefined;
    return (
      found ??
      this.fault(`has the ${key} ${JSON.stringify(word)}; known are ${Object.keys(words).join(", ")}`)
    );
  }

  /** What is left, as text by key. */
  texts(): [string, string][] {
    return [...this.#rest.keys()].map((key) => [key, this.text(key) ?? ""]);
  }

  /** Refuses what nothing has asked for. */
  end(): void {
    const [unknown] = this.#rest.keys();
    if (unknown !== undefined) this.fault(`has an unknown key, ${JSON.stringify(unknown)}`);
  }
}

function readFile(file: string, what: string, path: string): string {
  const { state, text, isWhole } = readExcerpt(path, MAX_BYTES);
  if (state === "read" && isWhole) return text;
  const why = {
    read: "is too long",
    missing: "isn't there",
    denied: "may not be read",
    failed: "can't be read",
  }[state];
  const where = file === path ? "" : `web configuration ${quoted(file)}: `;
  throw new UsageError(
    `${where}${what} ${quoted(path)} ${why}; name a file of at most ${MAX_BYTES / 1024} KiB that the exporter may read`,
  );
}

function tlsOf(file: string, section: Section): Pick<WebConfig, "tls" | "clientAuth"> {
  if (section.isEmpty) return { tls: undefined, clientAuth: "NoClientCert" };
  const content = (key: string) => {
    const [text, path] = [section.text(key), section.text(`${key}_file`)];
    if (text !== undefined && path !== undefined) section.fault(`has both ${key} and ${key}_file`);
    return path === undefined ? text : readFile(file, `${key}_file`, resolve(dirname(file), path));
  };
  const [cert, key, ca] = [content("cert"), content("key"), content("client_ca")];
  if (cert === undefined || key === undefined) section.fault("needs cert_file and key_file");
  const kinds = Object.fromEntries(Object.keys(CLIENT_AUTH).map((kind) => [kind, kind as ClientAuth]));
  const clientAuth = section.word("client_auth_type", kinds) ?? "NoClientCert";
  if (ca !== undefined && clientAuth === "NoClientCert")
    section.fault("has a client_ca_file, which needs another client_auth_type than NoClientCert");
  if (ca === undefined && /Verify/.test(clientAuth)) section.fault(`needs client_ca_file for ${clientAuth}`);
  const ciphers = section.list("cipher_suites", CIPHERS);
  const curves = section.list("curve_preferences", CURVES);
  const maxVersion = section.word("max_version", VERSIONS);
  const preferred = section.flag("prefer_server_cipher_suites") ?? true;
  const tls = {
    cert,
    key,
    ...(ca === undefined ? {} : { ca }),
    ...CLIENT_AUTH[clientAuth],
    minVersion: section.word("min_version", VERSIONS) ?? "TLSv1.2",
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(ciphers.length > 0 ? { ciphers: ciphers.join(":") } : {}),
    ...(curves.length > 0 ? { ecdhCurve: curves.join(":") } : {}),
    honorCipherOrder: preferred,
  };
  section.end();
  return { tls, clientAuth };
}

function usersOf(section: Section): Map<string, string> {
  const users = new Map(section.texts());
  for (const [user, hash] of users)
    if (!HASH.test(hash))
      section.fault(`has no bcrypt hash for ${JSON.stringify(user)}; make one with: htpasswd -nBC 10 ""`);
  return users;
}

function headersOf(section: Section): Record<string, string> {
  const headers = section.section("headers");
  // HTTP/2 is offered by Go's servers. Scrapers speak HTTP/1.1 with those that don't.
  section.flag("http2");
  section.end();
  const texts = headers.texts();
  for (const [name, value] of texts) {
    if (!HEADERS.includes(name))
      headers.fault(`has ${JSON.stringify(name)}; known are ${HEADERS.join(", ")}`);
    if (/[^\t\x20-\x7e]/.test(value)) headers.fault(`has a value of ${name} that isn't printable ASCII`);
  }
  return Object.fromEntries(texts);
}

/**
 * Reads the file, and those that it names, by paths from its folder on.
 * @throws UsageError for what can't be read, isn't known or wouldn't do what it says
 */
export function readWebConfig(path: string): WebConfig {
  const file = resolve(path);
  const text = readFile(file, "the web configuration", file);
  let whole: unknown;
  try {
    whole = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new UsageError(`web configuration ${quoted(file)}: ${messageOf(error).split("\n")[0] ?? ""}`);
  }
  const root = new Section(file, "", whole);
  const tls = tlsOf(file, root.section("tls_server_config"));
  const headers = headersOf(root.section("http_server_config"));
  const users = usersOf(root.section("basic_auth_users"));
  root.end();
  return { ...tls, passwords: users.size > 0 ? new Passwords(users) : undefined, headers };
}
