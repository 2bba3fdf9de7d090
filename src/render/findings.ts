// SPDX-License-Identifier: MIT
// What the doctor found, as lines of a terminal's width.
import type { Report } from "../doctor";
import { safeText } from "../text";
import { labelled } from "./wrap";

const WIDTH = 80;
const STATE = 9;
const WHAT = 18;

function paragraph(state: string, what: string, text: string): string[] {
  return labelled(state.padEnd(STATE) + what, STATE + WHAT, safeText(text), WIDTH);
}

/** A paragraph for each finding, tool and VM; what isn't good has its mend. */
export function findingLines({ findings, tools, vms }: Omit<Report, "native">): string[] {
  return [
    ...findings.flatMap(({ state, what, meaning, mend }) =>
      paragraph(state, what, mend === undefined || mend === "" ? meaning : `${meaning}; ${mend}`),
    ),
    ...vms.flatMap(({ name, pid }) => paragraph("", "", `VM ${name} (${pid})`)),
    ...tools.flatMap(({ tools, attach, lacks }) =>
      lacks.length > 0
        ? paragraph("bad", tools.join(", "), `can't run; see ${lacks.join(", ")}`)
        : paragraph(
            "good",
            tools.join(", "),
            attach === undefined ? "reads saved readings" : `attached ${attach}`,
          ),
    ),
  ];
}
