// SPDX-License-Identifier: MIT
// Reads what kvm-vmexit export wrote, in Prometheus's text format.

/** Values of the series of a family, by the words of some labels. */
export function values(text: string, family: string, ...labels: string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, name, inside = "", value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name !== family) continue;
    const pairs = new Map(
      [...inside.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, k = "", v = ""]) => [k, v]),
    );
    found.set(labels.map((label) => pairs.get(label) ?? "").join(" "), Number(value));
  }
  return found;
}
