// SPDX-License-Identifier: MIT
// What real receivers make of the metrics: promtool, Debian's Prometheus and a newer one.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { hashSync } from "bcryptjs";
import { parse } from "yaml";
import { otlpJson } from "../../src/export/otlp";
import { Pusher, otlpUrl } from "../../src/export/push";
import { Servers } from "../../src/export/server";
import { readWebConfig } from "../../src/export/web-config";
import { PROJECT } from "../tools";
import { MadeUp, REASONS, VMS, exitsAt } from "./fleet";
import { Receiver } from "./otlp";
import { Prometheus, eventually, promtool } from "./prometheus";

const CONTRIB = join(PROJECT, "contrib");
const RULES = join(CONTRIB, "prometheus", "kvm-vmexit.rules.yml");

const serve = (fleet: MadeUp) => ({
  scrape: fleet.text.bind(fleet),
  failed: (error: unknown) => {
    throw error;
  },
});

/** A job that scrapes a port every two seconds. */
function job(name: string, port: number, more = ""): string {
  return `- job_name: ${name}\n  scrape_interval: 2s\n  scrape_timeout: 2s\n  static_configs:\n  - targets: ["127.0.0.1:${port}"]\n${more}`;
}

test("promtool has nothing to say about the metrics", () => {
  assert.equal(promtool(["check", "metrics"], new MadeUp().text("prometheus", "")), "");
});

test("the rules are valid, and give what their tests say", () => {
  assert.match(promtool(["check", "rules", RULES]), /SUCCESS/);
  assert.match(promtool(["test", "rules", RULES.replace(".yml", ".test.yml")]), /SUCCESS/);
});

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { record?: string; alert?: string; expr: string }[];
  }[];
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

/** A series, whatever the order of its labels, and however the bound of a bucket is written. */
function seriesName(name: string, labels: readonly (readonly [string, string])[]): string {
  const words = labels.map(
    ([key, text]) => `${key}=${key === "le" ? Number(text.replace("+Inf", "Infinity")) : text}`,
  );
  return [name, ...words.sort()].join(" ");
}

for (const suite of ["bookworm", "sid"])
  test(`${suite}: Prometheus scrapes 200 VMs, over TLS with a password too; each expression of rules and dashboard finds something`, async () => {
    const fleet = new MadeUp();
    const open = new Servers(serve(fleet));
    const folder = mkdtempSync(join(tmpdir(), "web-"));
    const made = spawnSync(
      "openssl",
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem".split(
        " ",
      ),
      { cwd: folder, encoding: "utf8" },
    );
    assert.equal(made.status, 0, made.stderr);
    const web = join(folder, "web.yml");
    writeFileSync(
      web,
      `tls_server_config: {cert_file: cert.pem, key_file: key.pem}\nbasic_auth_users: {prom: "${hashSync("secret", 4)}"}\n`,
    );
    const guarded = new Servers(serve(new MadeUp()), readWebConfig(web));
    const ports = [
      await open.listen({ host: "127.0.0.1", port: 0 }),
      await guarded.listen({ host: "127.0.0.1", port: 0 }),
    ];
    const secure =
      "  scheme: https\n  tls_config: {insecure_skip_verify: true}\n  basic_auth: {username: prom, password: secret}\n";
    const prometheus = await Prometheus.start(
      suite,
      `global: {evaluation_interval: 1s}\nrule_files: ["${RULES}"]\nscrape_configs:\n` +
        job("open", ports[0] ?? 0) +
        job("guarded", ports[1] ?? 0, secure),
    );
    try {
      // A rate takes two scrapes, and a rule's result the evaluation after it.
      await eventually(async () => {
        assert.ok((await prometheus.ask("vm:kvm_vmexit_exits:rate5m")).length > 0);
        assert.equal(await prometheus.value('up{job="guarded"}'), 1);
      });
      // A machine that has too much to do misses a scrape.
      await eventually(async () => {
        assert.equal(await prometheus.value('count(kvm_vmexit_exits_total{job="open"})'), VMS * REASONS);
      });
      // Both are of one scrape: the sum is that of as many steps as the exporter's CPU time has hundredths of a second.
      const steps = 'round(100 * sum(process_cpu_seconds_total{job="open"}))';
      await eventually(async () => {
        assert.equal(
          await prometheus.value(`sum(kvm_vmexit_exits_total{job="open"}) / ${steps}`),
          exitsAt(1),
        );
      });
      const { groups } = parse(readFileSync(RULES, "utf8")) as Rules;
      for (const { record, expr } of groups.flatMap(({ rules }) => rules)) {
        const found = await prometheus.ask(expr);
        if (record !== undefined) assert.ok(found.length > 0, record);
      }
      const dashboard = JSON.parse(
        readFileSync(join(CONTRIB, "grafana", "kvm-vmexit.json"), "utf8"),
      ) as Dashboard;
      for (const { title, targets } of dashboard.panels)
        for (const { expr } of targets) {
          const expression = expr
            .replaceAll("$__rate_interval", "1m")
            .replaceAll("$__range", "1h")
            .replaceAll(/\$(instance|vm)/g, ".*");
          assert.doesNotMatch(expression, /\$/, title);
          await eventually(async () => {
            assert.ok((await prometheus.ask(expression)).length > 0, `${title}: ${expression}`);
          });
        }
      for (const { definition } of dashboard.templating.list) {
        if (definition === undefined) continue;
        const [, series = "", label = ""] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? [];
        const found = await prometheus.ask(series.replace("$instance", ".*"));
        assert.ok(found.every(({ metric }) => (metric[label] ?? "") !== "") && found.length > 0, definition);
      }
    } finally {
      await prometheus.end();
      open.close();
      guarded.close();
    }
  });

test("a receiver of OTLP takes what is pushed, and has what a scrape would have given it", async () => {
  const fleet = new MadeUp(3);
  const receiver = await Receiver.start();
  try {
    const pusher = new Pusher({
      url: otlpUrl(receiver.url),
      headers: {},
      everyMs: 10_000,
      now: () => performance.now(),
      wait: () => Promise.reject(new Error("it isn't tried again")),
      random: () => 0.5,
      say: (line) => {
        assert.fail(line);
      },
    });
    const resource = [
      ["service.name", "kvm-vmexit"],
      ["host.name", "hv1"],
    ] as const;
    for (let push = 0; push < 2; push++)
      await pusher.push(
        otlpJson(fleet.families("otlp"), { now: Date.now(), behindMs: 0 }, resource, "1.2.3"),
      );
    assert.deepEqual([pusher.outcomes, pusher.rejectedPoints], [{ pushed: 2, lost: 0 }, 0]);
    // Names, labels and values of all series are those of the text of the same step.
    fleet.step--;
    const expected = new Map<string, number>();
    for (const line of fleet.text("prometheus", "text").split("\n")) {
      const [, name, inside = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === undefined) continue;
      const labels = [...inside.matchAll(/(\w+)="([^"]*)"/g)].map(
        ([, key = "", text = ""]) => [key, text] as const,
      );
      expected.set(seriesName(name, labels), Number(value));
    }
    const found = await receiver.series("(kvm_vmexit|process)_.*");
    const told = found.map(({ metric, value }) => {
      const { __name__: name = "", host_name: host, service_name: service, ...labels } = metric;
      assert.deepEqual([host, service], ["hv1", "kvm-vmexit"]);
      return [seriesName(name, Object.entries(labels)), Number(value[1])] as const;
    });
    assert.deepEqual(new Map(told), expected);
    assert.ok(expected.size > 3 * REASONS * 3);
  } finally {
    await receiver.end();
  }
});
