// Makes text from guests, processes and files safe to print.

// C0 and C1 controls, DEL, the line and paragraph separators, and the marks that reorder text on a terminal.
// eslint-disable-next-line no-control-regex -- control characters are what this looks for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text from outside with every character that could steer a terminal written as `\xHH` or `\uHHHH`, so that
 * it stays on its line.
 */
export function safeText(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
