// SPDX-License-Identifier: MIT
// What kvm-vmexit top reads: exits and, where the kernel can, how vCPUs' time was split.
import { ToolError } from "../../src/errors";
import { type Lost, WAYS_OF_LOSS } from "../../src/measure/lost";
import type { Roster } from "../../src/measure/roster";
import { openSplitter } from "../../src/native/split";
import type { Session as Programs } from "../../src/native/vmexit";
import type { Both } from "../../src/screen/top/top";
import { Session } from "../../src/session";
import { SplitSession } from "../../src/split-session";
import { MAX_ENDED, type Watched } from "../lib/watch";

type Info = ReturnType<Watched["info"]>;

/** Whose time is split, and how, as for openSplitter(). */
export type SplitOptions = Parameters<typeof openSplitter>[0];

/** A trace of exits beside a split of time, of the same vCPUs. */
export class TopSession implements Watched {
  readonly exits: Session;
  readonly #split: SplitSession | undefined;
  /** Why there is no split although it was asked for; "" if there is, or it wasn't. */
  readonly fault: string = "";

  /**
   * @param programs that count exits, which close() closes
   * @param kept how many vCPUs that ended are told apart
   * @param split how to split time; undefined: not at all
   */
  constructor(programs: Programs, roster: Roster, kept: number, split: SplitOptions | undefined) {
    try {
      this.#split = split && new SplitSession(openSplitter(split), kept, roster.sibling());
    } catch (error) {
      if (!(error instanceof ToolError)) {
        programs.close();
        throw error;
      }
      // The screen is of use without.
      this.fault = `no split of vCPUs' time: ${error.message}`;
    }
    this.exits = new Session(programs, { timing: true, ended: kept, endedUnread: MAX_ENDED }, roster);
  }

  /** What all counts begin with. */
  get opened(): Both {
    return { exits: this.exits.opened, split: this.#split?.opened };
  }

  /** Reads exits and clocks, one right after the other. */
  read(): Both {
    return { exits: this.exits.read(), split: this.#split?.read() };
  }

  /** As Session.collect(), of both. */
  collect(): void {
    this.exits.collect();
    this.#split?.collect();
  }

  /** What was lost of either, as far as it was read. */
  get lost(): Lost {
    const lost: Record<keyof Lost, number> = { ...this.exits.lost };
    if (this.#split) for (const way of WAYS_OF_LOSS) lost[way] += this.#split.lost[way];
    return lost;
  }

  info(): Info {
    const exits = this.exits.info();
    const split = this.#split?.info();
    if (!split) return exits;
    return {
      attach: exits.attach === split.attach ? exits.attach : `${exits.attach}, the split ${split.attach}`,
      programs: [...exits.programs, ...split.programs],
      log: `${exits.log}\n${split.log}`,
      records: exits.records + split.records,
      mapBytes: exits.mapBytes + split.mapBytes,
    };
  }

  close(): void {
    this.exits.close();
    this.#split?.close();
  }
}
