// SPDX-License-Identifier: MIT
// A headless Chromium, driven over a pipe by the DevTools protocol: JSON, each message with a zero byte at its end.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

type Fields = Readonly<Record<string, unknown>>;

/** What the browser says or is told. */
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: Fields;
  readonly result?: Fields;
  readonly error?: { readonly message: string };
}

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
// Sandboxes need namespaces, which containers and root often don't have; the page is the project's own.
const OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"];

/** The browser's name here. */
function browserHere(): string {
  const name = NAMES.find((each) => spawnSync(each, ["--version"]).status === 0);
  assert.ok(name, "there is no Chromium: make test-browser installs it");
  return name;
}

/** A browser with one page. */
export class Browser {
  /** What the page asked the network for. */
  readonly requests: string[] = [];
  /** Errors and warnings: of the console, of the policy, and what scripts threw. */
  readonly complaints: string[] = [];
  readonly #child: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), "browser-"));
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #events: ((message: Message) => void)[] = [];
  #session: string | undefined;
  #last = 0;

  private constructor() {
    const profile = `--user-data-dir=${this.#folder}`;
    this.#child = spawn(browserHere(), [...OPTIONS, profile, "--remote-debugging-pipe", "about:blank"], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    });
    let rest = "";
    (this.#child.stdio[4] as Readable).setEncoding("utf8").on("data", (text: string) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop() ?? "";
      for (const message of messages) this.#take(JSON.parse(message) as Message);
    });
  }

  /** Starts it. */
  static async start(): Promise<Browser> {
    const browser = new Browser();
    const { targetId } = await browser.send("Target.createTarget", { url: "about:blank" });
    const attached = await browser.send("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = String(attached["sessionId"]);
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await browser.send(`${domain}.enable`);
    return browser;
  }

  /** Sends a command and waits for its result. */
  async send(method: string, params: Fields = {}): Promise<Fields> {
    const id = ++this.#last;
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    const answered = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    const { result = {}, error } = await answered;
    assert.equal(error, undefined, `${method}: ${error?.message ?? ""}`);
    return result;
  }

  /** Opens an address and waits until it is loaded; forgets complaints and requests of the page before. */
  async open(url: string): Promise<void> {
    this.complaints.length = this.requests.length = 0;
    const loaded = new Promise<void>((resolve) =>
      this.#events.push(({ method }) => {
        if (method === "Page.loadEventFired") resolve();
      }),
    );
    await this.send("Page.navigate", { url });
    await loaded;
  }

  /** The value of an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
    return (result as Fields)["value"];
  }

  /** Presses a key and lets it go. */
  async press(key: string): Promise<void> {
    for (const type of ["keyDown", "keyUp"]) await this.send("Input.dispatchKeyEvent", { type, key });
  }

  /** A picture of all of the page, as PNG. */
  async picture(): Promise<Buffer> {
    const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: true });
    return Buffer.from(String(data), "base64");
  }

  /** The page as it is printed, as PDF. */
  async print(): Promise<Buffer> {
    const { data } = await this.send("Page.printToPDF", { preferCSSPageSize: true, printBackground: false });
    return Buffer.from(String(data), "base64");
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.on("close", resolve));
    this.#session = undefined;
    await this.send("Browser.close");
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #take(message: Message): void {
    const { id, method, params = {} } = message;
    if (id !== undefined) this.#waiting.get(id)?.(message);
    this.#waiting.delete(id ?? 0);
    for (const listener of this.#events) listener(message);
    const text = JSON.stringify(params);
    if (method === "Network.requestWillBeSent")
      this.requests.push(String((params["request"] as Fields)["url"]));
    if (method === "Runtime.exceptionThrown" || method === "Log.entryAdded") this.complaints.push(text);
    if (method === "Runtime.consoleAPICalled") this.complaints.push(text);
  }
}
