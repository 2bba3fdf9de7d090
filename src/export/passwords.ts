// SPDX-License-Identifier: MIT
// Basic authentication against bcrypt's hashes, which are dear by design: what was right is remembered.
import { createHash, randomBytes } from "node:crypto";
import { compare } from "bcryptjs";

/** What became of an attempt; "busy": too many others are being checked. */
export type Verdict = "right" | "wrong" | "busy";

// Each waits for those before it, some 0.2 s at cost 10.
const MAX_WAITING = 8;
// More than the users of a file who scrape at a time.
const MAX_REMEMBERED = 64;
/** A hash that no password has: who isn't known costs as much time as who is. */
const NONE = `$2b$10$${".".repeat(53)}`;

/** Checks users' passwords. */
export class Passwords {
  readonly #users: ReadonlyMap<string, string>;
  readonly #salt = randomBytes(32);
  readonly #right = new Set<string>();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @param users bcrypt's hashes by user */
  constructor(users: ReadonlyMap<string, string>) {
    this.#users = users;
  }

  /** @param header the request's Authorization */
  async check(header: string | undefined): Promise<Verdict> {
    const [, encoded] = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(header ?? "") ?? [];
    if (encoded === undefined) return "wrong";
    const mark = createHash("sha256").update(this.#salt).update(encoded).digest("base64");
    if (this.#right.has(mark)) return "right";
    if (this.#waiting >= MAX_WAITING) return "busy";
    const pair = Buffer.from(encoded, "base64").toString();
    const colon = pair.indexOf(":");
    const hash = this.#users.get(pair.slice(0, colon));
    const isRight = await this.#inTurn(() => compare(pair.slice(colon + 1), hash ?? NONE));
    if (!isRight || hash === undefined || colon < 0) return "wrong";
    if (this.#right.size < MAX_REMEMBERED) this.#right.add(mark);
    return "right";
  }

  /** One at a time: each takes a whole CPU. */
  async #inTurn(check: () => Promise<boolean>): Promise<boolean> {
    this.#waiting++;
    const mine = this.#last.then(check, check);
    this.#last = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      this.#waiting--;
    }
  }
}
