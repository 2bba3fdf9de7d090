// SPDX-License-Identifier: MIT
// What --overhead prints: programs that ran, their sum, and shares of one CPU.
import assert from "node:assert/strict";
import test from "node:test";
import { overheadLines } from "../../src/render/overhead";

test("shares and rates are of the time that passed; programs that never ran are left out", () => {
  const programs = [
    { name: "direct_exit_svm", runNs: 20_000_000, runCount: 200_000 },
    { name: "direct_entry", runNs: 10_000_000, runCount: 199_999 },
    { name: "direct_vcpu_end", runNs: 0, runCount: 0 },
  ];
  assert.deepEqual(overheadLines({ programs, elapsedNs: 2e9, processNs: 5_000_000, startNs: 146e6 }), [
    "Overhead in 2.000 s:",
    "Program                            Runs     Runs/s   ns/run % of a CPU",
    "direct_exit_svm                  200000     100000    100.0       1.00",
    "direct_entry                     199999     100000     50.0       0.50",
    "all                              399999     200000     75.0       1.50",
    "This process took 5.0 ms of CPU, 0.25 % of one, after 146.0 ms to start.",
  ]);
});

test("nothing ran", () => {
  assert.deepEqual(overheadLines({ programs: [], elapsedNs: 1e9, processNs: 0, startNs: 146e6 }).slice(2), [
    "all                                   0          0        -       0.00",
    "This process took 0.0 ms of CPU, 0.00 % of one, after 146.0 ms to start.",
  ]);
});
