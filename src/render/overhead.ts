// SPDX-License-Identifier: MIT
// What tracing cost, as the kernel and this process counted it.
import type { ProgramRun } from "../native/overhead";
import { type Column, table } from "./table";

/** The cost of a trace so far. */
export interface Cost {
  readonly programs: readonly ProgramRun[];
  /** Since they were attached. */
  readonly elapsedNs: number;
  /** CPU time of this process in that time, and before. */
  readonly processNs: number;
  readonly startNs: number;
}

const COLUMNS: readonly Column[] = [
  { heading: "Program", align: "left", width: 26 },
  { heading: "Runs", align: "right", width: 12 },
  { heading: "Runs/s", align: "right", width: 10 },
  { heading: "ns/run", align: "right", width: 8 },
  { heading: "% of a CPU", align: "right", width: 10 },
];

/** A table of the programs, those that ran, with a sum; and this process's own share. */
export function overheadLines({ programs, elapsedNs, processNs, startNs }: Cost): string[] {
  const ms = (ns: number) => (ns / 1e6).toFixed(1);
  const percent = (ns: number) => ((ns / elapsedNs) * 100).toFixed(2);
  const row = ({ name, runNs, runCount }: ProgramRun) => [
    name,
    String(runCount),
    ((runCount / elapsedNs) * 1e9).toFixed(0),
    runCount === 0 ? "-" : (runNs / runCount).toFixed(1),
    percent(runNs),
  ];
  const ran = programs.filter(({ runCount }) => runCount > 0);
  const sum = (pick: (run: ProgramRun) => number) => ran.reduce((total, run) => total + pick(run), 0);
  const all = { name: "all", runNs: sum((run) => run.runNs), runCount: sum((run) => run.runCount) };
  return [
    `Overhead in ${(elapsedNs / 1e9).toFixed(3)} s:`,
    ...table(COLUMNS, [...ran.map(row), row(all)]),
    `This process took ${ms(processNs)} ms of CPU, ${percent(processNs)} % of one, after ${ms(startNs)} ms to start.`,
  ];
}
