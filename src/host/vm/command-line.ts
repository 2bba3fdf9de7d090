// SPDX-License-Identifier: MIT
// Finds a VM's name on the command line of the program that runs it.
import { basename, dirname } from "node:path";

/** Where a VM's name comes from: a VMM's command line, or the name of the process. */
export type NameSource =
  | "qemu"
  | "firecracker"
  | "cloud-hypervisor"
  | "stratovirt"
  | "openvmm"
  | "crosvm"
  | "kvmtool"
  /** The process's name: its command line names no VM. */
  | "process"
  /** The process's name: it ended before its command line was read. */
  | "ended"
  /** A recording's, whose recorder found it. */
  | "recorded";

/** A name found on a command line. */
export interface Found {
  readonly name: string;
  readonly source: NameSource;
}

interface Vmm {
  readonly source: NameSource;
  /** What the program's file is called. */
  readonly program: RegExp;
  readonly nameIn: (parameters: readonly string[]) => string | undefined;
}

// No VM manager allows longer ones; this bounds what a hostile process can make a tool keep and print.
const MAX_NAME_LENGTH = 256;
// Sockets and folders called so tell nothing about the VM.
const GENERIC =
  /^(api|ch|clh|cloud|fc|firecracker|grpc|hypervisor|http|lib|openvmm|root|run|sock|socket|tmp|ttrpc|var|vm|vmm|vsock)$/;

/** The value of an option, given as `--option value` or `--option=value`; the last one counts. */
function optionValue(parameters: readonly string[], ...options: readonly string[]): string | undefined {
  let value: string | undefined;
  parameters.forEach((parameter, i) => {
    if (options.includes(parameter)) value = parameters[i + 1];
    const option = options.find((option) => parameter.startsWith(`${option}=`));
    if (option !== undefined) value = parameter.slice(option.length + 1);
  });
  return value;
}

/**
 * What QEMU's `-name` or `--name` says: `NAME,debug-threads=on` or `guest=NAME,…`, where `,,` is a comma of the name. Of
 * several options, as of several names in one, the last counts (util/qemu-option.c, tried with QEMU 7.2).
 */
function qemuName(parameters: readonly string[]): string | undefined {
  let name: string | undefined;
  parameters.forEach((parameter, i) => {
    if (!/^--?name$/.test(parameters[i - 1] ?? "")) return;
    // NUL ends a parameter, so none is in it.
    const fields = parameter.replaceAll(",,", "\0").split(",");
    fields.forEach((field, at) => {
      if (field.startsWith("guest=")) name = field.slice("guest=".length);
      else if (at === 0 && !/^[^\0]*=/.test(field)) name = field;
    });
  });
  return name?.replaceAll("\0", ",");
}

/** What multipass calls the VM, for which QEMU has no name: the folder that its disk is in. */
function multipassName(parameters: readonly string[]): string | undefined {
  return /\/multipassd\/(?:\w+\/)?vault\/instances\/([^/,]+)\//.exec(parameters.join("\0"))?.[1];
}

/** Paths of managers that have the VM's name in one place: Kata's with Firecracker, and libvirt's with Cloud Hypervisor. */
const MANAGED: readonly RegExp[] = [
  /^\/run\/vc\/[\w-]+\/([^/]+)\/root\//,
  /\/libvirt\/ch\/(?:run\/)?([^/]+?)-(?:socket|event-monitor-fifo)$/,
];

function managedName(path: string): string | undefined {
  for (const pattern of MANAGED) {
    const name = pattern.exec(path)?.[1];
    if (name !== undefined) return name;
  }
  return undefined;
}

/**
 * A name from a socket of a VMM that gives its VMs none: the file's without `.sock` or the like or, where all VMs
 * have the same (`/run/vc/vm/ID/clh-api.sock`), its folder's.
 */
function socketName(value: string | undefined): string | undefined {
  if (value === undefined || value.startsWith("fd=")) return undefined;
  const path = value.replace(/^path=/, "");
  return (
    managedName(path) ??
    [basename(path).replace(/[-_.](sock|socket)$/, ""), basename(dirname(path))].find(
      (name) => !/^\.*$/.test(name) && !name.split(/[-_.]/).every((word) => GENERIC.test(word)),
    )
  );
}

const VMMS: readonly Vmm[] = [
  {
    source: "qemu",
    program: /qemu|^kvm$/,
    nameIn: (parameters) => qemuName(parameters) ?? multipassName(parameters),
  },
  {
    source: "firecracker",
    program: /firecracker/,
    nameIn: (parameters) =>
      optionValue(parameters, "--id") ?? socketName(optionValue(parameters, "--api-sock")),
  },
  {
    source: "cloud-hypervisor",
    program: /cloud-hypervisor/,
    // libvirt hands the socket over as a file descriptor, and names the VM in another path.
    nameIn: (parameters) =>
      socketName(optionValue(parameters, "--api-socket")) ??
      managedName((optionValue(parameters, "--event-monitor") ?? "").replace(/^path=/, "")),
  },
  { source: "stratovirt", program: /stratovirt/, nameIn: qemuName },
  {
    source: "openvmm",
    program: /openvmm/,
    nameIn: (parameters) =>
      socketName(optionValue(parameters, "--ttrpc", "--grpc")) ??
      socketName(optionValue(parameters, "--vmbus-vsock-path", "--vsock-path")),
  },
  { source: "crosvm", program: /crosvm/, nameIn: (parameters) => optionValue(parameters, "--name") },
  { source: "kvmtool", program: /^lkvm/, nameIn: (parameters) => optionValue(parameters, "--name", "-n") },
];

/** Names of the dynamic linker's file, which runs a program that is its parameter. */
const LINKER = /^(ld-linux.*|ld-musl.*|ld64?|ld-\d.*)\.so(\.\d+)?$/;
/** Its options that take a value: ld.so(8). */
const LINKER_OPTIONS =
  /^--(library-path|inhibit-rpath|audit|preload|argv0|glibc-hwcaps-prepend|glibc-hwcaps-mask)$/;

/** A command line without the dynamic linker that it begins with. */
function unlinked(words: readonly string[]): readonly string[] {
  if (!LINKER.test(basename(words[0] ?? ""))) return words;
  let at = 1;
  while (words[at]?.startsWith("-")) at += LINKER_OPTIONS.test(words[at] ?? "") ? 2 : 1;
  return words.slice(at);
}

/** The VMM that a process runs, and its parameters. */
function vmmOf(
  commandLine: string,
  executable: () => string,
): { readonly vmm: Vmm; readonly parameters: readonly string[] } | undefined {
  const [program = "", ...parameters] = unlinked(commandLine.split("\0"));
  const called = (name: string) => VMMS.find((known) => known.program.test(basename(name)));
  // Who starts a program chooses what it is called; a file that was replaced since is marked.
  const vmm = called(program) ?? called(executable().replace(/ \(deleted\)$/, ""));
  return vmm && { vmm, parameters };
}

/**
 * The name that a command line gives a VM; undefined if the program is no known VMM, or names no VM.
 * @param commandLine as in /proc/PID/cmdline: parameters that NUL ends
 * @param executable the program's file, /proc/PID/exe, asked for where the command line begins with no known VMM
 */
export function nameInCommandLine(commandLine: string, executable = () => ""): Found | undefined {
  const { vmm, parameters = [] } = vmmOf(commandLine, executable) ?? {};
  const name = vmm?.nameIn(parameters);
  return vmm && name ? { name: name.slice(0, MAX_NAME_LENGTH), source: vmm.source } : undefined;
}

// The form of RFC 9562, which QEMU asks for, too.
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The UUID that a command line gives a VM, in lower case; undefined where it gives none. As nameInCommandLine(). */
export function uuidInCommandLine(commandLine: string, executable = () => ""): string | undefined {
  const { vmm, parameters = [] } = vmmOf(commandLine, executable) ?? {};
  if (vmm?.source !== "qemu" && vmm?.source !== "stratovirt") return undefined;
  const uuid = optionValue(parameters, "-uuid", "--uuid");
  return uuid !== undefined && UUID.test(uuid) ? uuid.toLowerCase() : undefined;
}
