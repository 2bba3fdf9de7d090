// What an exit was about besides its reason: which port, which MSR, which address. One decoder for each kind.
import type { SlowExit as Event } from "../native/vmexit";
import { isaName } from "../reasons";
import { type GuestFault, faultText, guestFault } from "./fault";
import { type MsrAccess, msrAccess, msrText } from "./msr";
import { type PortAccess, portText, svmPort, vmxPort } from "./port";

/** What an exit was about. */
export type ExitDetail = PortAccess | MsrAccess | GuestFault;

/** By instruction set and reason. */
const DECODERS: Readonly<Record<string, Readonly<Record<number, (exit: Event) => ExitDetail | undefined>>>> =
  {
    svm: {
      0x7b: ({ info1 }) => svmPort(info1),
      0x7c: ({ info1, msr }) => msrAccess(info1 === 1n, msr),
      0x400: ({ info1, info2 }) => guestFault(info2, info1),
    },
    vmx: {
      30: ({ info1 }) => vmxPort(info1),
      31: ({ msr }) => msrAccess(false, msr),
      32: ({ msr }) => msrAccess(true, msr),
      48: ({ faultAddress, faultError, info1 }) =>
        faultAddress === undefined ? undefined : guestFault(faultAddress, faultError ?? info1),
    },
  };

/** What an exit was about, from the numbers that its tracepoints have; undefined if they don't tell. */
export function exitDetail(exit: Event): ExitDetail | undefined {
  return DECODERS[isaName(exit.isa)]?.[exit.reason]?.(exit);
}

/** The detail in words, "" for none. */
export function detailText(detail: ExitDetail | undefined): string {
  switch (detail?.kind) {
    case "port":
      return portText(detail);
    case "msr":
      return msrText(detail);
    case "fault":
      return faultText(detail);
    case undefined:
      return "";
  }
}
