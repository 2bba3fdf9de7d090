// SPDX-License-Identifier: MIT
// Tells what all VMs of a host do to a fleet's monitoring: Prometheus, OpenTelemetry.
import { hostname } from "node:os";
import { ToolError, UsageError, messageOf } from "../../src/errors";
import { HISTOGRAMS, MAX_DETAILS, MIN_SERIES } from "../../src/export/fleet";
import type { Family } from "../../src/export/family";
import { keepHeapSmall } from "../../src/export/heap";
import type { Told } from "../../src/export/otlp";
import type { Pusher } from "../../src/export/push";
import type { Place, Servers } from "../../src/export/server";
import type { WebConfig } from "../../src/export/web";
import { preflight } from "../../src/host/preflight";
import { Exporter, type ExporterOptions } from "../export/exporter";
import { DEFAULT_PORT, inheritedSockets, parsePlace, placeName } from "../export/places";
import { Textfile } from "../export/textfile";
import { OWN_USER, userOf } from "../lib/user";
import { Hangups } from "../lib/hangups";
import { TRACING, added, refuseRaw, seconds, wholeNumber } from "../lib/options";
import { diagnose } from "../lib/output";
import { withOverhead } from "../lib/overhead";
import { dropPowers } from "../lib/powers";
import { type Stop, stopOnSignals } from "../lib/stop";
import { type Options, defineCommand } from "../lib/tool";
import { version } from "../lib/version";
import { explain } from "../lib/watch";

const MAX_PLACES = 16;
const MAX_SERIES = 10_000_000;
const DEFAULT_SERIES = 100_000;
const DEFAULT_EVERY = 15;
const DEFAULT_DETAILS = 20;
/** Who the textfile and the receiver of pushes are, among scrapers. */
const [TEXTFILE, RECEIVER] = [" textfile", " otlp"];

/** Says the same only when something else was said, or nothing went wrong, since. */
class Complaints {
  readonly #name: string;
  #last = "";

  /** @param name the tool's, which each line begins with */
  constructor(name: string) {
    this.#name = name;
  }

  say(line: string): void {
    if (line !== this.#last) diagnose(`${this.#name}: ${line}`);
    this.#last = line;
  }

  over(): void {
    this.#last = "";
  }
}

/** Does something every so often, the first time at once, until it is stopped. Times that were missed are left out. */
async function every(stop: Stop, ms: number, deed: () => Promise<void> | void): Promise<void> {
  for (let due = performance.now(); !stop.stopped;) {
    await deed();
    const now = performance.now();
    due += Math.max(1, Math.ceil((now - due) / ms)) * ms;
    await stop.wait(due - now);
  }
}

async function lookUntil(stop: Stop, exporter: Exporter, complaints: Complaints): Promise<void> {
  for (let waitMs = 0; ;) {
    await stop.wait(waitMs);
    if (stop.stopped) return;
    try {
      waitMs = exporter.look();
    } catch (error) {
      complaints.say(messageOf(error));
    }
  }
}

/** What pushes, which few use: loaded for them. */
interface Otlp {
  readonly pusher: Pusher;
  push(families: Iterable<Family>, now: Told): Promise<void>;
}

async function otlpOf(url: string, everyMs: number, stop: Stop): Promise<Otlp> {
  const { Pusher, otlpHeaders, otlpUrl } = await import("../../src/export/push.js");
  const { otlpJson } = await import("../../src/export/otlp.js");
  const pusher = new Pusher({
    url: otlpUrl(url),
    headers: otlpHeaders(process.env["OTEL_EXPORTER_OTLP_HEADERS"] ?? ""),
    everyMs,
    now: () => performance.now(),
    wait: async (ms) => {
      await stop.wait(ms);
      if (stop.stopped) throw new ToolError("the exporter ends");
    },
    random: Math.random,
    say: diagnose,
  });
  const resource = [
    ["service.name", "kvm-vmexit"],
    ["host.name", hostname()],
  ] as const;
  return {
    pusher,
    push: (families, now) => pusher.push(otlpJson(families, now, resource, version())),
  };
}

/** A web configuration, as it is and as it will be: loaded for those who have one. */
interface Web {
  readonly first: WebConfig;
  again(): WebConfig;
}

async function webOf(path: string): Promise<Web> {
  const { readWebConfig } = await import("../../src/export/web-config.js");
  return { first: readWebConfig(path), again: () => readWebConfig(path) };
}

/** Serves what is exported. Node's HTTP is loaded for those who have a place to listen in. */
async function serversOf(exporter: Exporter, web: WebConfig | undefined, complaints: Complaints) {
  const { Servers } = await import("../../src/export/server.js");
  return new Servers(
    {
      scrape: (format, scraper) => {
        const text = exporter.text(format, scraper);
        complaints.over();
        return text;
      },
      failed: (error) => {
        complaints.say(messageOf(error));
      },
    },
    web,
  );
}

/** Loads the words of details, whose tables are long. */
async function detailsOf(most: number): Promise<NonNullable<ExporterOptions["details"]>> {
  const { detailWords } = await import("../../src/export/detail-words.js");
  return { most, words: detailWords };
}

const OPTIONS = {
  listen: {
    flags: ["--listen"],
    value: "PLACE",
    description: `where to be scraped: ADDRESS:PORT, :PORT or a unix socket's path; else systemd's sockets, or 127.0.0.1:${DEFAULT_PORT} unless a file is written or readings are pushed`,
    parse: added("--listen", MAX_PLACES, (text) => [parsePlace(text)]),
    repeats: true,
  },
  webConfig: {
    flags: ["--web-config"],
    value: "FILE",
    kind: "file",
    description: "TLS, users and headers, as Prometheus's exporters have them; SIGHUP reads it again",
  },
  textfile: {
    flags: ["--textfile"],
    value: "FILE",
    kind: "file",
    description: "write FILE.prom again and again, for node_exporter",
  },
  otlp: {
    flags: ["--otlp"],
    value: "URL",
    description: "push to a receiver of OTLP over HTTP; OTEL_EXPORTER_OTLP_HEADERS has headers for it",
  },
  every: {
    flags: ["--every"],
    value: "SEC",
    description: "seconds between two files or pushes, from 0.001 to a year",
    parse: (text: string) => seconds("--every", text),
    default: DEFAULT_EVERY,
  },
  histograms: {
    flags: ["--histograms"],
    value: "WHAT",
    description: "distributions of handling times: of the host, or of each VM, which takes many series",
    choices: HISTOGRAMS,
    default: "host",
  },
  maxSeries: {
    flags: ["--max-series"],
    value: "N",
    description: `how many series there are at most, from ${MIN_SERIES} to ${MAX_SERIES}; VMs beyond it are counted together`,
    parse: (text: string) => wholeNumber("--max-series", text, MIN_SERIES, MAX_SERIES),
    default: DEFAULT_SERIES,
  },
  returns: {
    flags: ["--returns"],
    description: "also export returns to the VMM by reason, with its time, which costs each of them a little",
  },
  split: {
    flags: ["--split"],
    description: "also export where the time of vCPUs went, which costs each exit a little more",
  },
  details: {
    flags: ["--details"],
    description:
      "also export exits by MSR and port, those with most exits, which costs each exit a little more",
  },
  top: {
    flags: ["--top"],
    value: "N",
    description: `with --details: how many of them, from 1 to ${MAX_DETAILS}`,
    parse: (text: string) => wholeNumber("--top", text, 1, MAX_DETAILS),
    default: DEFAULT_DETAILS,
  },
  user: {
    flags: ["--user"],
    value: "USER",
    description: `user to become, if started as root, once programs are attached and sockets open: a name or UID:GID; else ${OWN_USER} if there is such a user, or nobody`,
  },
  attach: TRACING.attach,
  maxVcpus: TRACING.maxVcpus,
  overhead: {
    flags: ["--overhead"],
    description: "also export what tracing costs, as the kernel measures it, which costs a little more",
  },
  verbose: TRACING.verbose,
} as const satisfies Options;

export const tool = defineCommand({
  summary: "Exports what all VMs do as metrics, for Prometheus and OpenTelemetry.",
  examples: [
    ["", `Prometheus scrapes 127.0.0.1:${DEFAULT_PORT}`],
    ["--listen /run/kvm-vmexit/metrics.sock", "on a unix socket"],
    ["--listen :10586 --web-config web.yml", "on all addresses, with TLS and passwords"],
    ["--textfile /var/lib/node_exporter/kvm.prom", "for node_exporter; nothing listens"],
    ["--otlp http://localhost:4318", "to an OpenTelemetry collector"],
  ],
  operands: [],
  options: OPTIONS,
  async run({ name, options }) {
    const { webConfig, textfile, otlp } = options;
    refuseRaw(options.attach, { "--details": options.details, "--returns": options.returns });
    const web = webConfig === undefined ? undefined : await webOf(webConfig);
    const user = userOf(options.user);
    const everyMs = options.every * 1000;
    const stop = stopOnSignals(["SIGINT", "SIGTERM"]);
    const pushed = otlp === undefined ? undefined : await otlpOf(otlp, everyMs, stop);
    const file = textfile === undefined ? undefined : new Textfile(textfile);
    const inherited = inheritedSockets(process.env, process.pid);
    const quiet = file !== undefined || pushed !== undefined;
    const fallback: readonly Place[] =
      inherited.length > 0 ? inherited : quiet ? [] : [{ host: "127.0.0.1", port: DEFAULT_PORT }];
    const places = options.listen ?? fallback;
    if (web && places.length === 0)
      throw new UsageError("--web-config is for --listen; give both, or neither");
    const isa = preflight();
    return withOverhead(options.overhead, async (meter) => {
      const { attach, maxVcpus, histograms, maxSeries, returns, split, overhead } = options;
      const exporter = new Exporter({
        ...{ attach, maxVcpus, histograms, maxSeries, isa, returns, split, overhead },
        ...(options.details ? { details: await detailsOf(options.top) } : {}),
      });
      const complaints = new Complaints(name);
      let servers: Servers | undefined;
      try {
        meter.begin();
        if (options.verbose) exporter.info().forEach(explain);
        if (pushed) exporter.pushes = pushed.pusher;
        if (file) exporter.textfile = file.outcomes;
        exporter.onOthers = (count) => {
          exporter.onOthers = () => undefined;
          diagnose(`${name}: ${count} VMs are counted together, as vm="other"; raise --max-series for more.`);
        };
        const ports: (number | undefined)[] = [];
        if (places.length > 0) {
          servers = await serversOf(exporter, web?.first, complaints);
          for (const place of places) ports.push(await servers.listen(place));
        }
        // V8 takes no code from a cache that was made under other flags: when all is loaded.
        keepHeapSmall();
        // Names of VMs are in files that all users may read.
        dropPowers({ maps: true, user });
        for (const [i, place] of places.entries()) diagnose(`Listening on ${placeName(place, ports[i])}.`);
        if (web)
          new Hangups().reopen = () => {
            try {
              servers?.configure(web.again());
            } catch (error) {
              diagnose(`${name}: ${messageOf(error)}; the one before stays`);
            }
          };
        const write = () => file?.write(exporter.text("prometheus", TEXTFILE));
        // What fails at once is a mistake, and ends this; what fails later may pass.
        write();
        await Promise.all([
          lookUntil(stop, exporter, complaints),
          ...(file
            ? [
                every(stop, everyMs, () => {
                  try {
                    write();
                    complaints.over();
                  } catch (error) {
                    complaints.say(messageOf(error));
                  }
                }),
              ]
            : []),
          ...(pushed
            ? [every(stop, everyMs, () => pushed.push(exporter.families(RECEIVER), exporter.clock.told()))]
            : []),
        ]);
        return undefined;
      } finally {
        servers?.close();
        file?.remove();
        exporter.close();
      }
    });
  },
});
