// SPDX-License-Identifier: MIT
// Local times are date(1)'s, whatever TZ says and ICU knows of it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { isoTime, momentOfLocal, timeOfDay, timeStamp } from "../../src/local-time";
import { PROJECT } from "../tools";

/** What `print` gives under a time zone. */
function under<T>(zone: string, print: () => T): T {
  const before = process.env["TZ"];
  process.env["TZ"] = zone;
  try {
    return print();
  } finally {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  }
}

// A winter's and a summer's morning.
const WINTER = new Date("2026-01-02T03:04:05.678Z");
const SUMMER = new Date("2026-07-02T03:04:05.678Z");

const ZONES: [zone: string, winter: string, summer: string][] = [
  ["UTC0", "2026-01-02 03:04:05+00:00", "2026-07-02 03:04:05+00:00"],
  ["IST-5:30", "2026-01-02 08:34:05+05:30", "2026-07-02 08:34:05+05:30"],
  ["<-03>3", "2026-01-02 00:04:05-03:00", "2026-07-02 00:04:05-03:00"],
  ["CET-1CEST,M3.5.0,M10.5.0/3", "2026-01-02 04:04:05+01:00", "2026-07-02 05:04:05+02:00"],
  ["EST5EDT,M3.2.0,M11.1.0", "2026-01-01 22:04:05-05:00", "2026-07-01 23:04:05-04:00"],
  ["LMT-0:53:28", "2026-01-02 03:57:33+00:53:28", "2026-07-02 03:57:33+00:53:28"],
];

for (const [zone, winter, summer] of ZONES)
  test(`local time under TZ=${zone}`, () => {
    under(zone, () => {
      assert.deepEqual([timeStamp(WINTER, true), timeStamp(SUMMER, true)], [winter, summer]);
      assert.equal(timeStamp(WINTER), winter.slice(0, 19));
      assert.equal(timeOfDay(WINTER), `${winter.slice(11, 19)}.678`);
    });
  });

test("date(1) prints the same, also of a zone that doesn't exist and one in a file", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "zone-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  // Version 1 of tzfile(5), without transitions: one type, 2 h 3 min east of UTC, called XYZ.
  const file = Buffer.alloc(44 + 6 + 4);
  file.write("TZif");
  file.writeUInt32BE(1, 36);
  file.writeUInt32BE(4, 40);
  file.writeInt32BE(2 * 3600 + 3 * 60, 44);
  file.write("XYZ", 50);
  writeFileSync(join(folder, "zone"), file);
  const zones = [...ZONES.map(([zone]) => zone), "Nowhere/Nothing", "", ":Asia/Kolkata", `:${folder}/zone`];
  const times = [
    "1901-12-13T20:45:52Z",
    "1969-12-31T23:59:59Z",
    "2026-03-29T01:00:00Z",
    "2150-06-01T00:00:00Z",
  ];
  for (const zone of zones)
    for (const time of times) {
      const { stdout } = spawnSync("date", ["-d", time, "+%Y-%m-%d %H:%M:%S"], {
        encoding: "utf8",
        env: { ...process.env, TZ: zone },
      });
      assert.equal(under(zone, () => timeStamp(new Date(time))) + "\n", stdout, `TZ=${zone} ${time}`);
    }
  assert.match(
    under(`:${folder}/zone`, () => timeStamp(WINTER, true)),
    /^2026-01-02 05:07:05\+02:03$/,
  );
});

test("a local time is found again, the earlier one of two", () => {
  under("CET-1CEST,M3.5.0,M10.5.0/3", () => {
    for (const time of [WINTER.getTime(), Date.UTC(2026, 6, 1, 2, 3, 4)]) {
      const shown = Date.parse(`${timeStamp(new Date(time)).replace(" ", "T")}Z`);
      assert.equal(momentOfLocal(shown), Math.floor(time / 1000) * 1000);
    }
    assert.equal(momentOfLocal(Date.UTC(2026, 9, 25, 2, 30)), Date.UTC(2026, 9, 25, 0, 30));
    assert.equal(isoTime(WINTER, true), "2026-01-02T04:04:05.678+01:00");
    assert.equal(isoTime(WINTER, false), "2026-01-02T03:04:05.678Z");
  });
});

test("a zone that changes while a tool runs is followed", () => {
  assert.notEqual(
    under("AAA-1", () => timeStamp(WINTER)),
    under("BBB-2", () => timeStamp(WINTER)),
  );
});

test("where the addon isn't built, times are UTC and say so", () => {
  const program = `
    process.dlopen = () => { throw new Error("not built"); };
    const { timeOfDay, timeStamp } = require(${JSON.stringify(join(PROJECT, "dist", "src", "local-time.js"))});
    const time = new Date(${WINTER.getTime()});
    console.log([timeStamp(time), timeStamp(time, true), timeOfDay(time)].join());`;
  const { stdout } = spawnSync(process.execPath, ["-e", program], {
    encoding: "utf8",
    env: { ...process.env, TZ: "IST-5:30" },
  });
  assert.equal(stdout, "2026-01-02 03:04:05Z,2026-01-02 03:04:05Z,03:04:05.678Z\n");
});
