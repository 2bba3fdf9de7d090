// SPDX-License-Identifier: MIT
// Old devices that guests use, and devices that take much of the vCPUs' time.
import { detailText } from "../../details";
import type { ExitDetail } from "../../details";
import { isIdle } from "../../reasons";
import { total } from "../../measure/samples";
import { perVcpu, shareOfTime, sumOf } from "../evidence";
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

const isDevice = (detail: ExitDetail) =>
  detail.kind === "port" || (detail.kind === "memory" && detail.bytes === 1);

/** Accesses to the same device: a port's eight neighbours, an address's page. */
function deviceOf(detail: ExitDetail): string | undefined {
  if (detail.kind === "port") return `port ${detail.port >> 3}`;
  return detail.kind === "memory" ? `page ${Math.floor(detail.address / 4096)}` : undefined;
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
      const devices = new Map<string, { ns: number; count: number; mostNs: number; text: string }>();
      for (const { detail, sample } of evidence.details ?? []) {
        const key = detail && isDevice(detail) ? deviceOf(detail) : undefined;
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
      const [first] = [...devices.values()].sort((a, b) => b.ns - a.ns);
      if (!first || all === 0 || first.ns < all * MOST || shareOfTime(evidence, first.ns) < MUCH_TIME)
        return undefined;
      const { count, ns, text } = first;
      return `${often(count, `accesses such as ${text}`, perVcpu(evidence, count))}: ${percent(ns / all)} of what exits cost, ${percent(shareOfTime(evidence, ns))} of the vCPUs' time`;
    },
    meaning: "each access exits, mostly to the VMM, and the vCPU waits until it is done",
    mend: "use virtio with vhost or an iothread in place of the device, or ioeventfd for its doorbell",
    verify: "kvm-vmexit time --details: this address costs less; kvm-vmexit split: VMM falls",
    source: VIRTIO,
  },
];
