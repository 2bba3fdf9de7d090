// SPDX-License-Identifier: MIT
// A program that takes the terminal, draws, and crashes.
import { Terminal } from "../../tools/lib/terminal";

const nothing = () => undefined;
const terminal = new Terminal(nothing, nothing, nothing);
terminal.draw({ pieces: [{ row: 0, column: 0, text: "this is drawn", style: "plain" }] });
setTimeout(() => {
  throw new Error("crash on purpose");
}, 3000);
