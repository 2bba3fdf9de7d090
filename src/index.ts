// The public library: what `import … from "kvm-vmexit"` gives.
export { ToolError, UsageError } from "./errors";
export type { By, Identity } from "./grouping";
export { type Octave, bucketStart, octaves, percentile } from "./histogram";
export type { AttachMode, Lost, ProgramInfo, SessionInfo } from "./native";
export { type Group, type NamedSample, type Reading, diff, group } from "./reading";
export { type Options, Session, openSession } from "./session";
export { type SlowExit, type SlowOptions, SlowSession, openSlowSession } from "./slow";
export { total } from "./samples";
export type { Counters, Groups, Sample, Samples } from "./samples";
export { type NameSource, type Vm, vmDisplayNames } from "./vm";
