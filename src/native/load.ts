// SPDX-License-Identifier: MIT
// Loads the addon, and finds its BPF objects: nothing else does.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE } from "../assets";
import { ToolError, messageOf } from "../errors";
import { safeText } from "../text";
import type { LocalFields } from "./local-time";
import type { Machine } from "../host/machine";
import type { HeldProgram } from "./overhead";
import type { SplitOptions, Splitter } from "./split";
import type { Counters } from "./stat";
import type { Support } from "./support";
import type { Recorder, RecorderOptions } from "./trace";
import type { Session, SessionOptions } from "./vmexit";

/** What the addon exports. */
interface Addon {
  Session: new (options: SessionOptions & { object: string }) => Session;
  Counters: new (options: { object: string; events: readonly string[] }) => Counters;
  Splitter: new (options: SplitOptions & { object: string }) => Splitter;
  Recorder: new (options: RecorderOptions & { object: string }) => Recorder;
  describeHost(host: Machine["forAddon"]): void;
  support(maxVcpus: number): Omit<Support, "place">;
  encodeRings(rings: readonly Uint32Array[], isa: number, to: Uint32Array, lost: Uint32Array): number;
  localTime(seconds: number): LocalFields | undefined;
  lockFile(descriptor: number): boolean;
  dropPrivileges(kept: readonly number[], maps: boolean, ...user: readonly number[]): void;
  enableRunStatistics: () => number;
  runStatistics: () => HeldProgram[];
}

/** Folders of an addon, the first that loads is taken: one built here, and the package's own, which is for every glibc from 2.28 on. */
const PLACES = [join("build", "Release"), join("prebuilds", `linux-${process.arch}`)];
const objectPath = (name: string) => join(PACKAGE, "dist", "bpf", `${name}.${process.arch}.bpf.o`);

// Once: Node keeps what it makes for each loading until the process ends.
let loaded: Addon | undefined;
let loadedFrom = "";

/** @throws Error, with what the loader of shared objects says */
function load(path: string): Addon {
  const module: { exports: object } = { exports: {} };
  process.dlopen(module, path);
  return module.exports as Addon;
}

/** The addon, loaded at first use. @throws ToolError where it can't be */
export function loadAddon(): Addon {
  if (loaded) return loaded;
  const causes: string[] = [];
  for (const place of PLACES) {
    const path = join(PACKAGE, place, "vmexit.node");
    if (!existsSync(path)) continue;
    try {
      loaded = load(path);
      loadedFrom = place;
      return loaded;
    } catch (error) {
      causes.push(safeText(messageOf(error)));
    }
  }
  throw new ToolError(
    `cannot load the native addon: ${causes.join("; ") || `there is none for ${process.arch} in ${PACKAGE}`}; ` +
      `build it with: cd ${PACKAGE} && npm run rebuild`,
  );
}

/** The folder in the package of the addon that was loaded; "" before. */
export function addonPlace(): string {
  return loadedFrom;
}

/**
 * What `create` makes of the addon and the BPF object `name`.
 * @param machine this host, which the addon takes as it is described here
 * @throws ToolError with the cause and its mend
 */
export function open<T>(name: string, machine: Machine, create: (addon: Addon, object: string) => T): T {
  const addon = loadAddon();
  const object = objectPath(name);
  if (!existsSync(object))
    throw new ToolError(`there is no BPF object for ${process.arch}; build it with make`);
  try {
    addon.describeHost(machine.forAddon);
    return create(addon, object);
  } catch (error) {
    // The addon's word for an option that isn't one: the caller's fault, not the machine's.
    if (error instanceof TypeError) throw error;
    const message = messageOf(error);
    throw new ToolError(
      message.endsWith("Operation not permitted")
        ? `${message}; run it with sudo (before Linux 5.11, locked memory takes CAP_SYS_RESOURCE)`
        : message,
    );
  }
}
