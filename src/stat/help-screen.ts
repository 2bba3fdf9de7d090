// SPDX-License-Identifier: MIT
// The keys, as the help screen and the command line's help list them.
import { piece, type Piece } from "../screen/frame";
import { COMMANDS } from "./commands";

/** One line for each key, and what any other does; in kvm_stat's words. */
export function keyLines(): string[] {
  return [
    ...COMMANDS.map(({ key, meaning }) => `   ${key}     ${meaning}`),
    "Any other key refreshes statistics immediately",
  ];
}

export function helpPieces(): Piece[] {
  return [
    piece(0, 0, "Interactive commands reference", "bold"),
    piece(2, 0, "Press any key to exit", "standout"),
    ...keyLines().map((line, index) => piece(4 + index, 0, line)),
  ];
}
