// The public library: what `import … from "kvm-vmexit"` gives.
export { ToolError, UsageError } from "./errors";
export type { By, Identity } from "./measure/grouping";
export { type Octave, bucketStart, octaves, percentile } from "./measure/histogram";
export type { AttachMode, Lost, ProgramInfo, SessionInfo } from "./native/vmexit";
export { type Group, type NamedSample, type Reading, diff, group } from "./measure/reading";
export { type Options, Session, openSession } from "./session";
export { type SlowExit, type SlowOptions, SlowSession, openSlowSession } from "./slow";
export { total } from "./measure/samples";
export type { Counters, Groups, Sample, Samples } from "./measure/samples";
export { type NameSource, type Vm, vmDisplayNames } from "./host/vm";
