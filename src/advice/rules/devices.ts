// SPDX-License-Identifier: MIT
// Old devices that guests use, and devices that take much of the vCPUs' time.
import { detailText } from "../../details";
import type { ExitDetail } from "../../details";
import { isIdle } from "../../reasons";
import { total } from "../../measure/samples";
import type { DetailRow } from "../../measure/details";
import { sumOf } from "../evidence";
import type { Rule } from "../rule";
import { often, oftenAbout, percent } from "../words";

/** A guest that reads a clock or waits for a disk by such a device does so hundreds of times a second, else hardly ever. */
const MANY_ACCESSES = 100;
/** A device that takes less of the vCPUs' time isn't worth a word. */
const MUCH_TIME = 0.05;
/** Of the handling time of all exits that aren't idle. */
const MOST = 0.5;

const TIMEKEEPING = "docs.kernel.org/virt/kvm/x86/timekeeping.html";
const VIRTIO = "docs.kernel.org/driver-api/virtio/virtio.html";

const CLOCK_MEND =
  "in the guest, see /sys/devices/system/clocksource/clocksource0/current_clocksource; make it kvm-clock or tsc (Windows: hv-time and hv-reftsc)";

const SLOW_CLOCK =
  "the guest reads its clock from a device: each reading exits to the VMM, some 10 us in place of 20 ns";

/** A rule about accesses to a device. @param what of it is accessed */
function device(
  name: string,
  title: string,
  what: string,
  wanted: (detail: ExitDetail) => boolean,
  rest: Pick<Rule, "meaning" | "mend" | "verify" | "source">,
): Rule {
  return {
    name,
    title: `Guests use the ${title}`,
    needs: ["exits", "details"],
    find: (evidence) => oftenAbout(evidence, `accesses to ${what}`, MANY_ACCESSES, wanted),
    ...rest,
  };
}

/** Ports, as lists of first and last. */
type Ports = readonly (readonly [number, number])[];

/** A rule about accesses to a device's ports. */
function ports(
  name: string,
  title: string,
  where: Ports,
  rest: Pick<Rule, "meaning" | "mend" | "source">,
): Rule {
  const isOne = (detail: ExitDetail) =>
    detail.kind === "port" && where.some(([first, last]) => first <= detail.port && detail.port <= last);
  const verify = "kvm-vmexit count --details: these ports are gone";
  return device(name, title, `ports of the ${title}`, isOne, { verify, ...rest });
}

/** The local APIC isn't a device that another could replace. */
const APIC_PAGE = 0xfee00;
const PAGE = 4096;

/** Accesses to the same device: a port's eight neighbours, an address's page. Undefined of all else. */
function deviceOf(detail: ExitDetail | undefined): string | undefined {
  if (detail?.kind === "port") return `port ${detail.port >> 3}`;
  if (detail?.kind !== "memory" || detail.bytes !== 1) return undefined;
  const page = Math.floor(detail.address / PAGE);
  return page === APIC_PAGE ? undefined : `page ${page}`;
}

/** A device's accesses: how long all took, and the one that took most. */
interface Accesses {
  readonly ns: number;
  readonly count: number;
  readonly mostNs: number;
  readonly text: string;
}

/** The device whose accesses took longest; undefined without any. */
function costliest(details: readonly DetailRow[]): Accesses | undefined {
  const devices = new Map<string, Accesses>();
  for (const { detail, sample } of details) {
    const key = deviceOf(detail);
    if (!detail || key === undefined) continue;
    const { totalNs, count } = total(sample);
    const before = devices.get(key) ?? { ns: 0, count: 0, mostNs: -1, text: "" };
    const isMost = totalNs > before.mostNs;
    devices.set(key, {
      ns: before.ns + totalNs,
      count: before.count + count,
      mostNs: isMost ? totalNs : before.mostNs,
      text: isMost ? detailText(detail) : before.text,
    });
  }
  return [...devices.values()].sort((a, b) => b.ns - a.ns)[0];
}

/** What was found of a device that took so much. @param allNs of which it is a part @param what that is */
function mostOf(
  { count, ns, text }: Accesses,
  allNs: number,
  what: string,
  vcpuNs: number,
): string | undefined {
  const share = vcpuNs > 0 ? ns / vcpuNs : 0;
  if (allNs === 0 || ns < allNs * MOST || share < MUCH_TIME) return undefined;
  return `${often(count, `accesses such as ${text}`, (count * 1e9) / vcpuNs)}: ${percent(ns / allNs)} of ${what}, ${percent(share)} of the vCPUs' time`;
}

export const DEVICES: readonly Rule[] = [
  // PIIX4 at 0xb000, Q35 at 0x600 in QEMU with SeaBIOS or OVMF: the timer is 8 bytes after the block's beginning.
  ports(
    "pm-timer",
    "ACPI PM timer",
    [
      [0x608, 0x60b],
      [0xb008, 0xb00b],
      [0x4008, 0x400b],
    ],
    {
      meaning: SLOW_CLOCK,
      mend: CLOCK_MEND,
      source: TIMEKEEPING,
    },
  ),
  ports("pit", "PIT (8254)", [[0x40, 0x43]], {
    meaning: "the guest ticks or waits by the oldest of the timers, each access of which exits",
    mend: CLOCK_MEND,
    source: TIMEKEEPING,
  }),
  ports("rtc", "RTC", [[0x70, 0x71]], {
    meaning:
      "the guest reads the time of day, or ticks (Windows without hv-stimer), by a device that the VMM emulates",
    mend: `${CLOCK_MEND}; Windows ticks elsewhere with hv-stimer and hv-synic`,
    source: TIMEKEEPING,
  }),
  ports(
    "ide",
    "IDE controller",
    [
      [0x1f0, 0x1f7],
      [0x170, 0x177],
      [0x376, 0x376],
      [0x3f6, 0x3f6],
    ],
    {
      meaning: "a disk or CD is emulated port by port: a request is dozens of exits to the VMM",
      mend: "give the VM virtio-blk or virtio-scsi disks",
      source: VIRTIO,
    },
  ),
  device(
    "hpet",
    "HPET",
    "the HPET",
    (detail) => detail.kind === "memory" && 0xfed00000 <= detail.address && detail.address < 0xfed00400,
    {
      meaning: SLOW_CLOCK,
      mend: `${CLOCK_MEND}; QEMU leaves the device out with -machine hpet=off`,
      verify: "kvm-vmexit count --details: 0xfed000f0 is gone",
      source: TIMEKEEPING,
    },
  ),
  {
    name: "one-device",
    title: "One emulated device takes most of what exits cost",
    needs: ["exits", "times", "details"],
    find: (evidence) => {
      const all = sumOf(evidence.samples, ({ isa, reason }) => !isIdle(isa, reason)).totalNs;
      const first = costliest(evidence.details ?? []);
      return first && mostOf(first, all, "what exits cost", evidence.vcpuNs ?? 0);
    },
    meaning: "each access exits, mostly to the VMM, and the vCPU waits until it is done",
    mend: "use virtio with vhost or an iothread in place of the device, or ioeventfd for its doorbell",
    verify: "kvm-vmexit time --details: this address costs less; kvm-vmexit split: VMM falls",
    source: VIRTIO,
  },
  {
    name: "vmm-one-device",
    title: "One emulated device takes most of the VMM's time",
    needs: ["vmm"],
    find: ({ vmm }) => {
      const awake = (vmm?.details ?? []).filter(({ sample: { isa, reason } }) => !isIdle(isa, reason));
      const all = sumOf(awake.map(({ sample }) => sample)).totalNs;
      const first = costliest(awake);
      return vmm && first && mostOf(first, all, "the VMM's time", vmm.vcpuNs);
    },
    meaning:
      "the VMM handles each access in the vCPU's thread: the vCPU stands still while the VMM computes, writes or waits for the host",
    mend: "move the device's work away from the vCPU: an iothread, vhost, ioeventfd, a socket or file for a console that doesn't block; or take the device away",
    verify: "kvm-vmexit vmm --details: this device's time falls; kvm-vmexit split: VMM falls",
    source: VIRTIO,
  },
];
