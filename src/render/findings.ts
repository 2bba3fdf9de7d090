// SPDX-License-Identifier: MIT
// What the doctor found, as lines of a terminal's width.
import type { Report } from "../doctor";
import { safeText } from "../text";
import { labelled, wrap } from "./wrap";

const WIDTH = 80;
const STATE = 9;
const WHAT = 18;

// Less room for the text puts it below its label.
const MIN_TEXT = 24;

function paragraph(state: string, what: string, text: string, width: number): string[] {
  const room = width - STATE - WHAT;
  if (room < MIN_TEXT) {
    const label = state.padEnd(STATE) + what;
    return [...(label.trim() === "" ? [] : wrap(label, width)), ...labelled("", 2, safeText(text), width)];
  }
  const [names, lines] = [wrap(what, WHAT - 1), wrap(safeText(text), room)];
  return Array.from({ length: Math.max(names.length, lines.length) }, (_, i) =>
    ((i === 0 ? state : "").padEnd(STATE) + (names[i] ?? "").padEnd(WHAT) + (lines[i] ?? "")).trimEnd(),
  );
}

/**
 * A paragraph for each finding, tool and VM; what isn't good has its mend.
 * @param room columns that a terminal has
 */
export function findingLines({ findings, tools, vms }: Omit<Report, "native">, room = WIDTH): string[] {
  const width = Math.min(WIDTH, room);
  return [
    ...findings.flatMap(({ state, what, meaning, mend }) =>
      paragraph(state, what, mend === undefined || mend === "" ? meaning : `${meaning}; ${mend}`, width),
    ),
    ...vms.flatMap(({ name, pid }) => paragraph("", "", `VM ${name} (${pid})`, width)),
    ...tools.flatMap(({ tools, attach, lacks }) =>
      lacks.length > 0
        ? paragraph("bad", tools.join(", "), `can't run; see ${lacks.join(", ")}`, width)
        : paragraph(
            "good",
            tools.join(", "),
            attach === undefined ? "reads saved readings" : `attached ${attach}`,
            width,
          ),
    ),
  ];
}
