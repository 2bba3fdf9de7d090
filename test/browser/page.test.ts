// SPDX-License-Identifier: MIT
// The page of kvm-vmexit report in a real browser: nothing is complained of, nothing is asked of the network, and it can be used.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { pathToFileURL } from "node:url";
import { PROJECT, run } from "../tools";
import { Browser } from "./browser";
import { type MadeUpRun, exits, split } from "./runs";

const FOLDER = mkdtempSync(join(tmpdir(), "pages-"));
/** Where pictures are left for who changes the page to look at. */
const PICTURES = join(PROJECT, "build", "pages");
const READINGS = join(PROJECT, "test", "data", "readings");
const BEGIN = Date.UTC(2026, 10, 28, 9);
const HOUR = 3600e3;
const SIZE = { width: 1200, height: 900, deviceScaleFactor: 1, mobile: false };

let browser: Browser;

before(async () => {
  mkdirSync(PICTURES, { recursive: true });
  browser = await Browser.start();
});

after(async () => {
  await browser.close();
  rmSync(FOLDER, { recursive: true });
});

function file(name: string, text: string): string {
  const path = join(FOLDER, name);
  writeFileSync(path, text);
  return path;
}

const made = (hour: number, more: Partial<MadeUpRun> = {}): MadeUpRun => ({
  begin: BEGIN + hour * HOUR,
  seconds: 120,
  vms: 3,
  ...more,
});

const sides = () =>
  [1, 2].map((slower, side) =>
    [0, 1, 2, 3].map((at) =>
      file(`${side === 0 ? "a" : "b"}${at}`, exits(made(10 * side + at, { seconds: 60, slower }))),
    ),
  );

/** The pages: each shows other parts. */
const PAGES: Readonly<Record<string, () => readonly string[]>> = {
  one: () => ["--sum", file("time", exits(made(0))), file("split", split(made(0)))],
  day: () => [file("day", [0, 9, 18, 27].map((hour) => exits(made(hour, { seconds: 9 }))).join(""))],
  advice: () => [join(READINGS, "pm-timer.jsonl")],
  counts: () => [join(READINGS, "pit.jsonl")],
  two: () => [1, 2].map((slower, hour) => file(`run${hour}`, exits(made(hour, { slower })))),
  four: () => {
    const [a = [], b = []] = sides();
    return [...a, "--", ...b];
  },
};

async function open(name: string): Promise<void> {
  const page = join(FOLDER, `${name}.html`);
  const { status, stderr } = run("kvm-vmexit-report", "--html", page, ...(PAGES[name]?.() ?? []));
  assert.equal(status, 0, stderr);
  await browser.send("Emulation.setDeviceMetricsOverride", SIZE);
  await browser.open(pathToFileURL(page).href);
}

const colours = (scheme: "light" | "dark") =>
  browser.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });

const background = () => browser.evaluate("getComputedStyle(document.body).backgroundColor");

for (const name of Object.keys(PAGES))
  test(`page "${name}": no complaint, no request, light, dark, narrow and printed`, async () => {
    await open(name);
    const [itself, ...requests] = browser.requests;
    assert.match(itself ?? "", /^file:/);
    assert.deepEqual(requests, []);
    await colours("light");
    writeFileSync(join(PICTURES, `${name}-light.png`), await browser.picture());
    assert.equal(await background(), "rgb(255, 255, 255)");
    await colours("dark");
    writeFileSync(join(PICTURES, `${name}-dark.png`), await browser.picture());
    assert.equal(await background(), "rgb(13, 17, 23)");
    const printed = await browser.print();
    writeFileSync(join(PICTURES, `${name}.pdf`), printed);
    assert.equal(printed.subarray(0, 5).toString(), "%PDF-");
    await colours("light");
    await browser.send("Emulation.setDeviceMetricsOverride", { ...SIZE, width: 360 });
    writeFileSync(join(PICTURES, `${name}-narrow.png`), await browser.picture());
    // Tables scroll by themselves; the page doesn't.
    assert.ok(Number(await browser.evaluate("document.documentElement.scrollWidth")) <= 360);
    assert.deepEqual(browser.complaints, []);
  });

test("an axis that leaves times out says so, and has dates where a run is longer than a day", async () => {
  await open("day");
  const text = String(await browser.evaluate("document.body.innerText"));
  assert.match(text, /Times without an interval are left out of the axis\./);
  assert.match(text, /^11-28 \d\d:00/m);
  await open("one");
  assert.doesNotMatch(String(await browser.evaluate("document.body.innerText")), /are left out/);
});

test("charts tell their values by keys and under the pointer, and tables sort", async () => {
  await open("one");
  await browser.evaluate('document.querySelector("#rates").focus()');
  await browser.press("End");
  const tip = () =>
    browser.evaluate(
      '(({hidden, textContent}) => hidden ? "" : textContent)(document.querySelector("#tip"))',
    );
  assert.match(String(await tip()), /^\d\d:\d\d:\d\d\n[\d.]+k? MSR\n/);
  const last = await tip();
  await browser.press("ArrowLeft");
  assert.notEqual(await tip(), last);
  await browser.press("Escape");
  assert.equal(await tip(), "");
  const [x, y] = (await browser.evaluate(
    '(({left, top, width}) => [left + width / 2, top + 60])((document.querySelector("#costs").scrollIntoView(), document.querySelector("#costs").getBoundingClientRect()))',
  )) as [number, number];
  await browser.send("Input.dispatchMouseEvent", { type: "mouseMoved", x, y });
  assert.match(String(await tip()), /ms MSR/);
  const names = () =>
    browser.evaluate(
      '[...document.querySelectorAll("table[aria-labelledby=reasons] tbody td:first-child")].map((cell) => cell.textContent).join()',
    );
  assert.match(String(await names()), /^HLT,/);
  const press = (column: number) =>
    browser.evaluate(
      `document.querySelectorAll("table[aria-labelledby=reasons] th button")[${column}].click()`,
    );
  await press(1);
  assert.match(String(await names()), /^MSR,CPUID,/);
  await press(1);
  assert.match(String(await names()), /,CPUID,MSR$/);
  assert.equal(
    await browser.evaluate(
      'document.querySelector("table[aria-labelledby=reasons] th:nth-child(2)").ariaSort',
    ),
    "ascending",
  );
  assert.deepEqual(browser.complaints, []);
});

test("a screen reader is told what each chart and table is", async () => {
  await open("four");
  const { nodes } = await browser.send("Accessibility.getFullAXTree");
  const named = (role: string) =>
    (nodes as { role?: { value: string }; name?: { value: string } }[])
      .filter((node) => node.role?.value === role)
      .map(({ name }) => name?.value ?? "");
  assert.match(
    named("image").join("\n"),
    /^Cost per s of a vCPU of each run\. 124 MSR: before [\d.]+ us to /m,
  );
  assert.deepEqual(named("table"), ["What changed"]);
  assert.ok(named("columnheader").includes("before"));
});

test("the policy keeps the page from loading anything", async () => {
  await open("one");
  assert.deepEqual(browser.complaints, []);
  const refused = await browser.evaluate(
    'Promise.all(["http://127.0.0.1:9/", location.href].map((url) => fetch(url).then(() => url, () => "refused")))',
  );
  assert.deepEqual(refused, ["refused", "refused"]);
  const image = await browser.evaluate(
    'new Promise((resolve) => { const image = new Image(); image.onerror = () => resolve("refused"); image.onload = () => resolve("loaded"); image.src = "http://127.0.0.1:9/x.png"; })',
  );
  assert.equal(image, "refused");
  const script = await browser.evaluate(
    'new Promise((resolve) => { const script = document.createElement("script"); script.textContent = "window.ran = true"; document.body.append(script); setTimeout(() => resolve(window.ran === true), 0); })',
  );
  assert.equal(script, false);
  assert.match(browser.complaints.join("\n"), /Content Security Policy/);
});

test("names from outside stay text in the browser", async () => {
  const evil = `</script><img src=x onerror=document.title='got'><svg onload=document.title='got'>`;
  const text = exits(made(0, { seconds: 5 })).replaceAll("web-1", JSON.stringify(evil).slice(1, -1));
  const page = join(FOLDER, "evil.html");
  const { status } = run("kvm-vmexit-report", "--html", page, file(`<b>"evil'.jsonl`, text));
  assert.equal(status, 0);
  await browser.open(pathToFileURL(page).href);
  assert.equal(await browser.evaluate("document.title"), "VM exits");
  assert.equal(await browser.evaluate('document.querySelectorAll("img, b").length'), 0);
  assert.match(String(await browser.evaluate("document.body.innerText")), /<img src=x onerror/);
  assert.deepEqual(browser.complaints, []);
  assert.ok(readFileSync(page, "utf8").length < 250_000);
});
