// SPDX-License-Identifier: MIT
// SIGHUP for tools whose output is a file that logrotate moves away.

/** What SIGHUP does from now on: nothing, until there is a file to open again. */
export class Hangups {
  reopen: () => void = () => undefined;

  constructor() {
    process.on("SIGHUP", () => {
      this.reopen();
    });
  }
}
