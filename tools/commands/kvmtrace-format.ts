// SPDX-License-Identifier: MIT
// `trace format` under the name, and with the options, of kvmtrace's own formatter.
export { tool } from "../trace/format";
