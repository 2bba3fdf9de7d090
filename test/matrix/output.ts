// SPDX-License-Identifier: MIT
// JSON output as it is: what checks it against its schema isn't on VMX's disk.
import { reasonLabel } from "../../src/reasons";
import type { Exits, Line } from "../lab/json";

export const exitsOf = (output: string) => (JSON.parse(output) as Line).exits;
export const nameOf = ({ name, reason }: Exits) => name || reasonLabel(reason);
