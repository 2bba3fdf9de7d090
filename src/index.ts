// SPDX-License-Identifier: MIT
// The public library: what `import … from "kvm-vmexit"` gives.
export type { ExitDetail } from "./details";
export { ToolError, UsageError } from "./errors";
export { type Interval, type Pace, type Plan, intervals } from "./intervals";
export { type By, type Group, type Identity, type NamedSample, group } from "./measure/grouping";
export { type ReadLine, readLine, readLines } from "./lines/read";
export { type About, type AskedFor, type Host, SCHEMA } from "./measure/lines";
export { type Octave, bucketStart, octaves, percentile } from "./measure/histogram";
export type { Lost } from "./measure/lost";
export type { AttachMode, ProgramInfo, SessionInfo } from "./native/vmexit";
export { type Reading, diff } from "./measure/reading";
export { type Options, Session, openSession } from "./session";
export { type Isa, reasonName, reasonNames } from "./reasons";
export { type RecordingOptions, readRecording } from "./trace/read-recording";
export { safeText } from "./text";
export { type SlowExit, type SlowExits, type SlowOptions, SlowSession, openSlowSession } from "./slow";
export { total } from "./measure/samples";
export type { Counters, Groups, Sample, Samples } from "./measure/samples";
export { type NameSource, type Vm, vmDisplayNames } from "./host/vm";
export {
  type SplitInterval,
  type SplitOptions,
  SplitSession,
  openSplit,
  splitIntervals,
} from "./split-session";
export type { SplitAttach, SplitInfo } from "./native/split";
export { type Activity, type Clock, PARTS, type Part, elapsedNs, partNs } from "./split/clock";
export { type SplitBy, type SplitGroup, splitGroup } from "./split/groups";
export { type SplitReading, splitDiff } from "./split/reading";
