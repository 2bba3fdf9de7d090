// SPDX-License-Identifier: MIT
// What the JSON says of the tool, the host and what was asked for.
import { aboutHost } from "../../src/host/about";
import { Machine } from "../../src/host/machine";
import { type RecordedFacts, recordedFacts } from "../../src/host/recorded";
import type { About, AskedFor, Host } from "../../src/measure/lines";
import type { FilterOptions } from "./options";
import { version } from "./version";

/** The filters, as JSON names them. */
export function filtersOf({ pid, vm, vcpu, reasons, excludes }: FilterOptions): AskedFor {
  return {
    ...(pid ? { pids: pid } : {}),
    ...(vm === undefined ? {} : { vm }),
    ...(vcpu ? { vcpus: vcpu } : {}),
    ...(reasons === undefined ? {} : { reasons }),
    ...(excludes === undefined ? {} : { excludes }),
  };
}

/** Of a recording, whose host is unknown. */
export function aboutRecording(tool: string, filters: FilterOptions, asked: AskedFor): About {
  return { tool, version: version(), host: undefined, options: { ...asked, ...filtersOf(filters) } };
}

/** This host. @param facts read before powers were given up; as they can be seen at this moment if missing */
export function hostHere(isa: string, attach: string, facts = recordedFacts(new Machine())): Host {
  return { ...aboutHost(), isa, attach, ...facts };
}

/** Of exits of this host. */
export function aboutTrace(
  tool: string,
  isa: string,
  { attach, facts }: { readonly attach: string; readonly facts?: RecordedFacts | undefined },
  filters: FilterOptions,
  asked: AskedFor,
): About {
  return { ...aboutRecording(tool, filters, asked), host: hostHere(isa, attach, facts) };
}
