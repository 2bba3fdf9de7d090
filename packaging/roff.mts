// SPDX-License-Identifier: MIT
// Turns the Markdown of a page in docs/ into roff with the man macros.
import type { Token, Tokens } from "marked";

/** Text that means itself in roff, also at the start of a line. */
export function literal(text: string): string {
  return text
    .replace(/\\/g, "\\e")
    .replace(/-/g, "\\-")
    .replace(/^(?=['.])/gm, "\\&");
}

/** An entry with a heading of its own: an option, an example. */
export function entry(heading: string, text: string): string {
  return `.TP\n${heading}\n${literal(text)}\n`;
}

/** A link to a tool's page is that man page; a file of docs/ is named with its folder, an address is left out. */
function linked({ href, tokens }: Tokens.Link): string {
  const [, tool] = /^(kvm[\w-]*)\.md$/.exec(href) ?? [];
  if (tool !== undefined) return `\\fB${literal(tool)}\\fR(1)`;
  return /^[\w.-]+$/.test(href) ? `\\fBdocs/${literal(href)}\\fR` : inline(tokens);
}

function inline(tokens: readonly Token[] = []): string {
  return (
    tokens
      .map((token): string => {
        switch (token.type) {
          case "strong":
          case "codespan":
            return `\\fB${"tokens" in token ? inline(token.tokens) : literal((token as Tokens.Codespan).text)}\\fR`;
          case "em":
            return `\\fI${inline(token.tokens)}\\fR`;
          case "link":
            return linked(token as Tokens.Link);
          case "br":
            return "\n.br\n";
          default:
            return "tokens" in token ? inline(token.tokens) : literal((token as Tokens.Text).text);
        }
      })
      .join("")
      // Bold in bold ends both.
      .replace(/\\fB\\fB([^]*?)\\fR\\fR/g, "\\fB$1\\fR")
  );
}

function list({ ordered, start, items }: Tokens.List): string {
  const entries = items.map((item, i) => {
    const mark = ordered ? `${Number(start) + i}.` : "\\(bu";
    const [first, ...rest] = item.tokens;
    const text = first && "tokens" in first ? inline(first.tokens) : "";
    return `.IP ${mark} 3\n${text}\n${rest.length > 0 ? `.RS 3\n${blocks(rest)}.RE\n` : ""}`;
  });
  return entries.join("");
}

// Room for text on a terminal of 80 columns: man leaves 7 on the left and 2 on the right.
const WIDTH = 71;
// What tbl leaves between columns.
const GAP = 3;
const CODE_INDENT = 4;

/** Widths of columns in characters: what their texts need or, where there is no room for that, less, but whole words. */
function widths(texts: readonly (readonly string[])[]): number[] {
  const longest = (words: readonly string[]) => Math.max(...words.map((word) => word.length));
  const columns = texts.map((cells) => ({
    width: longest(cells),
    least: longest(cells.flatMap((cell) => cell.split(" "))),
  }));
  for (;;) {
    const sum = columns.reduce((total, { width }) => total + width + GAP, -GAP);
    const widest = columns.filter(({ width, least }) => width > least).sort((a, b) => b.width - a.width)[0];
    if (sum <= WIDTH || !widest) return columns.map(({ width }) => width);
    widest.width--;
  }
}

function table({ align, header, rows }: Tokens.Table): string {
  const columns = widths(
    header.map((cell, i) => [cell, ...rows.map((row) => row[i])].map((cell) => cell?.text ?? "")),
  );
  const formats = align.map((side, i) => `${side === "right" ? "r" : "l"}w(${columns[i]}n)`);
  const line = (cells: readonly Tokens.TableCell[], text: (cell: Tokens.TableCell) => string) =>
    cells.map((cell) => `T{\n${text(cell)}\nT}`).join("\t");
  const lines = [
    line(header, (cell) => `\\fB${inline(cell.tokens)}\\fR`),
    ...rows.map((row) => line(row, (cell) => inline(cell.tokens))),
  ];
  // A terminal has no pages: a row that is kept on one leaves a blank line in the table, or is warned of.
  return `.TS\nnokeep;\n${formats.join(" ")}.\n${lines.join("\n")}\n.TE\n`;
}

// What is too wide to be set in, such as a tool's output, begins at the edge.
function code({ text }: Tokens.Code): string {
  const wide = text.split("\n").some((line) => line.length > WIDTH - CODE_INDENT);
  return `.PP\n.in ${wide ? "0" : `+${CODE_INDENT}n`}\n.nf\n${literal(text)}\n.fi\n.in\n`;
}

function heading({ depth, text }: Tokens.Heading): string {
  return depth <= 2 ? `.SH ${literal(text.toUpperCase())}\n` : `.SS ${literal(text)}\n`;
}

function block(token: Token): string {
  switch (token.type) {
    case "heading":
      return heading(token as Tokens.Heading);
    case "paragraph":
      return `.PP\n${inline(token.tokens)}\n`;
    case "code":
      return code(token as Tokens.Code);
    case "list":
      return list(token as Tokens.List);
    case "table":
      return `.PP\n${table(token as Tokens.Table)}`;
    case "space":
      return "";
    default:
      throw new Error(`a page in docs/ has a ${token.type}, which packaging/roff.mts doesn't know`);
  }
}

/** The files of docs/ that text in roff names. */
export function filesOf(text: string): string[] {
  const named = text.match(/docs\/(?:[\w.]|\\-)*\w/g) ?? [];
  return [...new Set(named.map((file) => file.replaceAll("\\-", "-")))].sort();
}

/** Blocks of a page, in their order; headings of the second level are sections of the man page. */
export function blocks(tokens: readonly Token[]): string {
  return tokens.map(block).join("");
}
