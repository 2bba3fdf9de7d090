// SPDX-License-Identifier: MIT
// node:child_process for the bundled tools, which is loaded when it is called.
import type * as ChildProcess from "node:child_process";
import { createRequire } from "node:module";

type Spawn = (...parameters: Parameters<typeof ChildProcess.spawn>) => ChildProcess.ChildProcess;

const load = () => createRequire(__filename)("child_process") as typeof ChildProcess;

export const spawn: Spawn = (...parameters) => load().spawn(...parameters);
