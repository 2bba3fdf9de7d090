// SPDX-License-Identifier: MIT
// How scrapers are served: what a web configuration says, or what there is without one.
import type { SecureContextOptions, TlsOptions } from "node:tls";
import type { Passwords } from "./passwords";

/** Which certificates of scrapers are asked for, and what is made of them. */
export type ClientAuth =
  | "NoClientCert"
  | "RequestClientCert"
  | "RequireAnyClientCert"
  | "VerifyClientCertIfGiven"
  | "RequireAndVerifyClientCert";

export interface WebConfig {
  /** Undefined: no TLS. */
  readonly tls: (SecureContextOptions & Pick<TlsOptions, "requestCert" | "rejectUnauthorized">) | undefined;
  readonly clientAuth: ClientAuth;
  /** Undefined: all who connect may read. */
  readonly passwords: Passwords | undefined;
  /** Headers of every answer. */
  readonly headers: Readonly<Record<string, string>>;
}

export const OPEN: WebConfig = {
  tls: undefined,
  clientAuth: "NoClientCert",
  passwords: undefined,
  headers: {},
};
