// SPDX-License-Identifier: MIT
// Where an exporter listens: what a user gives, and sockets that systemd has opened.
import { UsageError } from "../../src/errors";
import { quoted } from "../../src/text";
import type { Place } from "../../src/export/server";

/** Listened on unless another place is given. */
export const DEFAULT_PORT = 10586;

// sockaddr_un has 108 bytes, with the NUL at the end.
const MAX_PATH = 107;
// SD_LISTEN_FDS_START of systemd's sd-daemon.h.
const FIRST_SOCKET = 3;
const MAX_SOCKETS = 64;

/** `ADDRESS:PORT`, `[ADDRESS]:PORT`, `:PORT` for all addresses, `unix:PATH` or a path. @throws UsageError */
export function parsePlace(text: string): Place {
  const path = text.startsWith("unix:")
    ? text.slice("unix:".length)
    : text.startsWith("/")
      ? text
      : undefined;
  if (path !== undefined) {
    if (path === "" || Buffer.byteLength(path) > MAX_PATH)
      throw new UsageError(`--listen takes a socket's path of 1 to ${MAX_PATH} bytes, not ${quoted(path)}`);
    return { path };
  }
  const [, ipv6, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]*)):(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535)
    throw new UsageError(
      `--listen takes ADDRESS:PORT, such as 127.0.0.1:${DEFAULT_PORT}, or a unix socket's path, not "${text}"`,
    );
  return { host: ipv6 ?? (name || "::"), port: Number(port) };
}

/**
 * Sockets that this process was started with (systemd's LISTEN_FDS). They are taken: a process that this one starts
 * doesn't see them.
 */
export function inheritedSockets(environment: Record<string, string | undefined>, pid: number): Place[] {
  const { LISTEN_PID: owner, LISTEN_FDS: count = "" } = environment;
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"])
    Reflect.deleteProperty(environment, name);
  if (owner !== String(pid) || !/^\d{1,4}$/.test(count)) return [];
  return Array.from({ length: Math.min(Number(count), MAX_SOCKETS) }, (_, i) => ({ fd: FIRST_SOCKET + i }));
}

/** What a user calls a place. @param port that was given, where any could be taken */
export function placeName(place: Place, port: number | undefined): string {
  if ("fd" in place)
    return port === undefined ? `the socket ${place.fd}` : `the socket ${place.fd}, port ${port}`;
  if ("path" in place) return `unix:${place.path}`;
  return `${place.host.includes(":") ? `[${place.host}]` : place.host}:${port ?? place.port}`;
}
