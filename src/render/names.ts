// What reasons are called in tables.
import type { Sample } from "../measure/samples";
import { reasonName } from "../reasons";
import { safeText } from "../text";

/** What a reason is called in a table: its name, or that it has none. */
export function nameInTable(sample: Sample): string {
  return safeText(reasonName(sample.isa, sample.reason) ?? "UNKNOWN");
}
