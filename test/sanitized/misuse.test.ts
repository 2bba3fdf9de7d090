// SPDX-License-Identifier: MIT
// The addon under AddressSanitizer and UndefinedBehaviorSanitizer: whatever JavaScript hands to it, it throws or works.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import fc from "fast-check";
import { PROJECT } from "../tools";

interface Closable {
  close(): void;
}
type Constructor = new (...parameters: unknown[]) => Closable;

const addon: { exports: object } = { exports: {} };
process.dlopen(addon, join(PROJECT, "build", "sanitized", "vmexit.node"));
const classes = addon.exports as Record<string, Constructor>;

const object = (name: string) => join(PROJECT, "dist", "bpf", `${name}.x64.bpf.o`);

// Options that are right, each of which a run replaces by anything.
const RIGHT: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  Session: {
    object: object("vmexit"),
    attach: "auto",
    timing: true,
    histograms: true,
    slowNs: 0,
    details: true,
    maxVcpus: 8,
    pids: [1],
    vcpuIds: [0],
    onlyReasons: [1],
    butReasons: [2],
  },
  Counters: { object: object("stat"), events: ["kvm_exit", "kvm_userspace_exit"] },
  Recorder: {
    object: object("trace"),
    kinds: new Uint32Array([0]),
    ringShift: 16,
    pids: new Uint32Array([1]),
  },
};

const anything = fc.oneof(
  fc.anything({ withBigInt: true, withTypedArray: true, withSparseArray: true, withNullPrototype: true }),
  fc.double(),
  fc.constantFrom<unknown>(
    -1,
    0.5,
    NaN,
    Infinity,
    2 ** 32,
    2 ** 53,
    "",
    "\0",
    Symbol("no"),
    [],
    [-1],
    ["\0"],
  ),
);

/** Constructs and gives back; true if that threw. */
function threw(Class: Constructor, ...parameters: unknown[]): boolean {
  try {
    new Class(...parameters).close();
    return false;
  } catch (error) {
    assert.ok(error instanceof Error, String(error));
    return true;
  }
}

test("the sanitizers are there", () => {
  assert.match(readFileSync("/proc/self/maps", "utf8"), /libasan/);
  assert.match(readFileSync("/proc/self/maps", "utf8"), /libubsan/);
});

for (const [name, right] of Object.entries(RIGHT)) {
  const Class = classes[name];
  assert.ok(Class);

  test(`${name}: parameters that are no options throw`, () => {
    for (const parameters of [[], [undefined], [null], [1], ["text"], [Symbol("no")], [() => 1], [[]]])
      assert.ok(threw(Class, ...parameters), String(parameters.length));
    fc.assert(fc.property(fc.array(fc.anything()), (parameters) => threw(Class, ...parameters)));
  });

  for (const option of Object.keys(right))
    test(`${name}: any ${option} throws or works`, () => {
      fc.assert(
        fc.property(anything, (value) => {
          threw(Class, { ...right, [option]: value });
        }),
        { numRuns: 200 },
      );
    });

  test(`${name}: an option whose reading throws, throws`, () => {
    for (const option of Object.keys(right)) {
      // Those after the first wrong one aren't read: butReasons isn't, if onlyReasons is there.
      if (option === "butReasons") continue;
      const trap = Object.defineProperty({ ...right }, option, {
        get: () => {
          throw new Error("trapped");
        },
      });
      assert.throws(() => new Class(trap), /trapped/, option);
    }
  });

  test(`${name}: methods called on what isn't one throw`, () => {
    const methods = Object.getOwnPropertyNames(Class.prototype).filter((method) => method !== "constructor");
    assert.ok(methods.includes("close"));
    for (const method of methods)
      for (const receiver of [undefined, null, 1, {}, [], Class, Object.create(Class.prototype as object)])
        assert.throws(() => {
          Reflect.apply(
            Reflect.get(Class.prototype as object, method) as (...parameters: unknown[]) => unknown,
            receiver,
            [],
          );
        }, method);
  });
}

test("describeHost: anything but three texts and a number throws", () => {
  const describeHost = (addon.exports as { describeHost: (...parameters: unknown[]) => void }).describeHost;
  const text = fc.string({ unit: "binary" });
  const host = { tracefs: "", module: "", isa: "", isaNumber: 0 };
  fc.assert(
    fc.property(fc.record({ tracefs: text, module: text, isa: text, isaNumber: fc.double() }), (host) => {
      describeHost(host);
    }),
  );
  const value = fc.anything().filter((value) => typeof value !== "string" && typeof value !== "number");
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(host)), value, (name, value) => {
      assert.throws(() => {
        describeHost({ ...host, [name]: value });
      }, TypeError);
    }),
  );
  for (const parameters of [[], [null], [1], ["text"]])
    assert.throws(() => {
      describeHost(...parameters);
    }, TypeError);
  describeHost(host);
});

test("encodeRings: anything throws or works", () => {
  const encodeRings = (addon.exports as { encodeRings: (...parameters: unknown[]) => unknown }).encodeRings;
  const event = fc.uint8Array({ minLength: 64, maxLength: 64 });
  const rings = fc.array(
    fc.array(event, { maxLength: 5 }).map((events) => Buffer.concat(events)),
    { maxLength: 4 },
  );
  const room = fc.nat(200).map((words) => new Uint32Array(words));
  const call = (...parameters: unknown[]) => {
    try {
      const words = encodeRings(...parameters);
      assert.ok(typeof words === "number" && words >= 0 && words % 1 === 0);
    } catch (error) {
      assert.ok(error instanceof Error, String(error));
    }
  };
  fc.assert(fc.property(rings, fc.boolean(), room, call), { numRuns: 500 });
  fc.assert(fc.property(anything, fc.anything(), anything, call), { numRuns: 500 });
  fc.assert(fc.property(fc.array(anything), fc.anything(), room, call), { numRuns: 500 });
  fc.assert(
    fc.property(fc.array(fc.anything()), (parameters) => {
      call(...parameters);
    }),
  );
  const shared = new Uint32Array(new SharedArrayBuffer(640));
  call([shared], false, new Uint32Array(200));
  call([new Uint8Array(64)], false, shared);
  const resizable = new Uint8Array(new ArrayBuffer(640));
  structuredClone(resizable.buffer, { transfer: [resizable.buffer] });
  call([resizable], false, new Uint32Array(200));
});
