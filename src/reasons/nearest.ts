// SPDX-License-Identifier: MIT
// Finds the words that look most like a mistyped one.

/** The number of letters to insert, delete or replace to turn one word into the other (Levenshtein's distance). */
function distance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i++) {
    const current = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = (previous[j] ?? 0) + (from[i] === to[j] ? 0 : 1);
      current.push(Math.min(replaced, (previous[j + 1] ?? 0) + 1, (current[j] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}

/** The `count` words nearest to `word`; one that contains it, or is part of it, counts as very near. */
export function nearest(word: string, words: readonly string[], count: number): string[] {
  const cost = (candidate: string) =>
    word.length > 2 && (candidate.includes(word) || word.includes(candidate)) ? 1 : distance(word, candidate);
  return [...words].sort((a, b) => cost(a) - cost(b)).slice(0, count);
}
