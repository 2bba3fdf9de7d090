// SPDX-License-Identifier: MIT
// What a page looks like and does: its style sheet and its script, which are the same in all pages.

/** Colours that are told apart with any kind of colour blindness (Okabe and Ito), and greys. */
export const COLOURS = [
  "#0072b2",
  "#e69f00",
  "#009e73",
  "#56b4e9",
  "#d55e00",
  "#cc79a7",
  "#8c6d31",
  "#7b5ea7",
  "#b8a800",
  "#999999",
] as const;

/** Shades of the heat map. */
export const SHADES = 9;

const SHADE_RULES = Array.from(
  { length: SHADES },
  (_, shade) => `.h${shade}{fill:rgba(var(--heat),${((shade + 1) / SHADES).toFixed(2)})}`,
).join("");

export const STYLE = `:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--dim:#59636e;--line:#d1d9e0;--heat:8,81,156;--bad:#b42318;--first:#0072b2;--second:#d55e00}
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--dim:#9198a1;--line:#3d444d;--heat:107,174,214;--bad:#ff8a80;--first:#56b4e9;--second:#e69f00}}
body{font:14px/1.45 system-ui,sans-serif;color:var(--fg);background:var(--bg);margin:2rem auto;max-width:1160px;padding:0 1rem}
h1{font-size:1.35rem;margin:0}h2{font-size:1.05rem;margin:1.6rem 0 .3rem}p,ul{color:var(--dim);margin:.2rem 0}.lost{color:var(--bad);font-weight:600}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{padding:.25rem .5rem;border-bottom:1px solid var(--line);text-align:right}td+td{white-space:nowrap}th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere;min-width:9em}
th button{all:unset;cursor:pointer;font-weight:600}th button:focus-visible,svg:focus-visible{outline:2px solid currentColor}th[aria-sort=ascending] button::after{content:" ▲"}th[aria-sort=descending] button::after{content:" ▼"}
.dense{font-size:12.5px}.dense th,.dense td{padding:.2rem .3rem}
tr.over th,tr.over td{border:0;text-align:center;padding-bottom:0;color:var(--dim);font-weight:400;font-size:.95em}.facts dl{margin-bottom:.6rem;grid-template-columns:fit-content(14em) 1fr}.facts dt{overflow-wrap:anywhere}
.before{fill:none;stroke:var(--first);stroke-width:2}.after{fill:var(--second)}
.key{display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:12px;list-style:none;padding:0}.key svg{display:inline-block;width:.8em;height:.8em;margin-right:.35em}.key .shades{width:9em;height:1em;margin:0 .5em;vertical-align:-.15em}
svg.chart,.runs{width:100%;min-width:760px;height:auto;display:block}tfoot td{border-top:2px solid var(--line);font-weight:600}svg.chart path{shape-rendering:crispEdges}svg text{fill:var(--dim);font-size:12px}.axis{stroke:var(--line)}${SHADE_RULES}
.advice article{border-left:3px solid var(--bad);padding:0 .8rem;margin:.8rem 0;break-inside:avoid}.advice h3{font-size:1rem;margin:0}dl{display:grid;grid-template-columns:auto 1fr;gap:.1rem .8rem;margin:.2rem 0}dt{color:var(--dim)}dd{grid-column:2;margin:0;overflow-wrap:anywhere}
#tip{position:absolute;pointer-events:none;background:var(--bg);border:1px solid var(--line);padding:.2rem .4rem;font-size:12px;border-radius:4px;white-space:pre}
@media print{:root{color-scheme:light;--fg:#000;--bg:#fff;--dim:#333;--line:#bbb;--heat:8,81,156;--bad:#900;--first:#0072b2;--second:#d55e00}body{font-size:12px;margin:0;max-width:none}section{break-inside:avoid}table{font-size:10px}.dense{font-size:9px}th,td,.dense th,.dense td{padding:.15rem .2rem}th:first-child,td:first-child{min-width:7em}.scroll{overflow:visible}svg.chart,.runs{min-width:0}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}#tip,.hint{display:none}}`;

/** Sorts tables by their headings; shows a column's values under the pointer, or by the arrow keys on a chart. */
export const SCRIPT = `"use strict";
for (const button of document.querySelectorAll("th button")) button.onclick = () => {
  const head = button.parentNode, table = head.closest("table"), at = head.cellIndex;
  const up = head.ariaSort === "descending";
  for (const other of table.querySelectorAll("th")) other.ariaSort = "none";
  head.ariaSort = up ? "ascending" : "descending";
  const value = (row) => row.cells[at].dataset.v ?? row.cells[at].textContent;
  const order = (a, b) => (isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
  table.tBodies[0].append(...[...table.tBodies[0].rows].sort((x, y) => (up ? 1 : -1) * order(value(x), value(y))));
};
const data = JSON.parse(document.getElementById("data").textContent);
const tip = document.createElement("div");
tip.id = "tip"; tip.hidden = true; tip.setAttribute("role", "status");
document.body.append(tip);
const show = (svg, column) => {
  const { times, names, words } = data.charts[svg.id], values = words[column];
  tip.hidden = !values;
  if (!values) return;
  tip.textContent = [times[column], ...values.map((value, at) => value + (names[at] ? " " + names[at] : ""))].join("\\n");
  const box = svg.getBoundingClientRect(), [left, width, all] = data.frame;
  const x = box.left + scrollX + ((left + (width * (column + 0.5)) / times.length) / all) * box.width;
  tip.style.left = Math.max(4, Math.min(x + 12, scrollX + innerWidth - tip.offsetWidth - 8)) + "px";
  tip.style.top = box.top + scrollY + 12 + "px";
};
for (const svg of document.querySelectorAll("svg.chart")) {
  let column = -1;
  svg.onmousemove = (event) => {
    const box = svg.getBoundingClientRect(), [left, width, all] = data.frame;
    column = Math.floor(((((event.clientX - box.left) / box.width) * all - left) / width) * data.charts[svg.id].times.length);
    show(svg, column);
  };
  svg.onmouseleave = svg.onblur = () => show(svg, -1);
  svg.onkeydown = (event) => {
    const last = data.charts[svg.id].times.length - 1;
    const to = { ArrowLeft: column - 1, ArrowRight: column + 1, Home: 0, End: last, Escape: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    column = event.key === "Escape" ? -1 : Math.max(0, Math.min(last, to));
    show(svg, column);
  };
}`;
