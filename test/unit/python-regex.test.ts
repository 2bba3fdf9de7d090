// SPDX-License-Identifier: MIT
// Patterns as users write them for kvm_stat select the fields that Python's re.match selects.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { UsageError } from "../../src/errors";
import { pythonMatch } from "../../src/python/regex";
import { InvalidRegex } from "../../src/python/regex-scanner";

const FIELDS = [
  "kvm_exit",
  "kvm_entry",
  "kvm_exit(CPUID)",
  "kvm_exit(READ_CR0)",
  "kvm_userspace_exit",
  "exits",
  "halt_exits",
  "aa",
];

// What CPython 3.11's re.match selects of FIELDS; null where re.compile refuses.
const EXPECTED: [pattern: string, selected: string[] | null][] = [
  ["kvm_exit", ["kvm_exit", "kvm_exit(CPUID)", "kvm_exit(READ_CR0)"]],
  ["kvm_exit$", ["kvm_exit"]],
  ["exit", ["exits"]],
  [".*exit$", ["kvm_exit", "kvm_userspace_exit"]],
  ["kvm_exit\\(", ["kvm_exit(CPUID)", "kvm_exit(READ_CR0)"]],
  ["kvm_exit\\(CPUID\\)$", ["kvm_exit(CPUID)"]],
  ["^(?!.*\\().*$", ["kvm_exit", "kvm_entry", "kvm_userspace_exit", "exits", "halt_exits", "aa"]],
  ["exits|kvm_entry", ["kvm_entry", "exits"]],
  ["(?i)KVM_E", ["kvm_exit", "kvm_entry", "kvm_exit(CPUID)", "kvm_exit(READ_CR0)"]],
  ["(?i:KVM)_e", ["kvm_exit", "kvm_entry", "kvm_exit(CPUID)", "kvm_exit(READ_CR0)"]],
  ["(?x) kvm _ e # entry or exit", ["kvm_exit", "kvm_entry", "kvm_exit(CPUID)", "kvm_exit(READ_CR0)"]],
  ["(?P<one>a)(?P=one)", ["aa"]],
  ["(a)\\1", ["aa"]],
  ["\\Akvm.*\\Z", ["kvm_exit", "kvm_entry", "kvm_exit(CPUID)", "kvm_exit(READ_CR0)", "kvm_userspace_exit"]],
  ["[]k]vm", ["kvm_exit", "kvm_entry", "kvm_exit(CPUID)", "kvm_exit(READ_CR0)", "kvm_userspace_exit"]],
  ["kvm_[^e]", ["kvm_userspace_exit"]],
  [
    "(?#all of it)kvm",
    ["kvm_exit", "kvm_entry", "kvm_exit(CPUID)", "kvm_exit(READ_CR0)", "kvm_userspace_exit"],
  ],
  [
    "k{1}v{,1}m{1,}",
    ["kvm_exit", "kvm_entry", "kvm_exit(CPUID)", "kvm_exit(READ_CR0)", "kvm_userspace_exit"],
  ],
  ["k{vm", []],
  ["(?>kvm_)exit", ["kvm_exit", "kvm_exit(CPUID)", "kvm_exit(READ_CR0)"]],
  ["[a-z_]++\\(", ["kvm_exit(CPUID)", "kvm_exit(READ_CR0)"]],
  ["[a-z_]*+_", []],
  ["(?<=k)vm|(?<!x)ex", ["exits"]],
  ["\\w+\\(\\w+\\)", ["kvm_exit(CPUID)", "kvm_exit(READ_CR0)"]],
  ["(?:)*e", ["exits"]],
  ["\\x6bvm", ["kvm_exit", "kvm_entry", "kvm_exit(CPUID)", "kvm_exit(READ_CR0)", "kvm_userspace_exit"]],
  ["\\153vm", ["kvm_exit", "kvm_entry", "kvm_exit(CPUID)", "kvm_exit(READ_CR0)", "kvm_userspace_exit"]],
  ["kvm_(?=exit).*\\bexit", []],
  [
    "",
    [
      "kvm_exit",
      "kvm_entry",
      "kvm_exit(CPUID)",
      "kvm_exit(READ_CR0)",
      "kvm_userspace_exit",
      "exits",
      "halt_exits",
      "aa",
    ],
  ],
  [".*[A-Z]\\d", ["kvm_exit(READ_CR0)"]],
  ["*kvm", null],
  ["kvm(", null],
  ["kvm)", null],
  ["kvm[", null],
  ["kvm**", null],
  ["\\q", null],
  ["(?<n>a)", null],
  ["kvm\\ ", []],
  ["a{2,1}", null],
  ["(?<=a*)b", null],
  ["(?P<1>a)", null],
  ["\\1", null],
  ["[z-a]", null],
  ["[\\d-z]", null],
  ["kvm\\", null],
  ["^*", null],
  ["k(?i)vm", null],
  ["(?L)a", null],
  ["(?au)a", null],
  ["(a\\1)", null],
  ["\\400", null],
];

describe("pythonMatch", () => {
  for (const [pattern, selected] of EXPECTED)
    test(`${JSON.stringify(pattern)} ${selected ? "selects as Python does" : "is refused as by Python"}`, () => {
      if (!selected) assert.throws(() => pythonMatch(pattern), InvalidRegex);
      else {
        const expression = pythonMatch(pattern);
        assert.deepEqual(
          FIELDS.filter((field) => expression.test(field)),
          selected,
        );
      }
    });

  for (const pattern of [
    "(a)?(?(1)b|c)",
    "(?>(a))",
    "(?<=(?>a))b",
    "(a)?\\1",
    "(?i)(a)\\1",
    "\\N{DIGIT ONE}",
  ])
    test(`${pattern} is valid for Python and told to be out of reach`, () => {
      assert.throws(() => pythonMatch(pattern), UsageError);
    });

  test("a reference is taken where its group is surely set", () => {
    assert.ok(pythonMatch("(?:x|(a)\\1)").test("aa"));
    assert.throws(() => pythonMatch("(?:x|(a))\\1"), UsageError);
    assert.throws(() => pythonMatch("(?!(a))\\1"), UsageError);
  });

  test("any text gives an expression or one of the two refusals", () => {
    const token = fc.constantFrom(
      ...("\\()[]{}|*+?^$.,-:=!<>#P'axi1209 \n\u{10ffff}".match(/./gsu)?.values() ?? []),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(token).map((tokens) => tokens.join("")),
        ),
        (pattern) => {
          try {
            pythonMatch(pattern).test("kvm_exit");
          } catch (error) {
            assert.ok(error instanceof InvalidRegex || error instanceof UsageError, String(error));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
