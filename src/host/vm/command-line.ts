// Finds a VM's name on the command line of the program that runs it.
import { basename, dirname } from "node:path";

/** Where a VM's name comes from: a VMM's command line, or the name of the process. */
export type NameSource =
  | "qemu"
  | "firecracker"
  | "cloud-hypervisor"
  | "crosvm"
  | "kvmtool"
  /** The process's name: its command line names no VM. */
  | "process"
  /** The process's name: it ended before its command line was read. */
  | "ended";

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
const GENERIC = /^(api|ch|clh|cloud|fc|firecracker|hypervisor|http|lib|run|sock|socket|tmp|var|vm|vmm)$/;

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

/**
 * A name from the API socket of a VMM that gives its VMs none: the file's without `.sock` or the like or, where all VMs
 * have the same (`/run/vc/vm/ID/clh-api.sock`), its folder's.
 */
function socketName(value: string | undefined): string | undefined {
  if (value === undefined || value.startsWith("fd=")) return undefined;
  const path = value.replace(/^path=/, "");
  return [basename(path).replace(/[-_.](sock|socket)$/, ""), basename(dirname(path))].find(
    (name) => !/^\.*$/.test(name) && !name.split(/[-_.]/).every((word) => GENERIC.test(word)),
  );
}

const VMMS: readonly Vmm[] = [
  { source: "qemu", program: /qemu|^kvm$/, nameIn: qemuName },
  {
    source: "firecracker",
    program: /firecracker/,
    nameIn: (parameters) =>
      optionValue(parameters, "--id") ?? socketName(optionValue(parameters, "--api-sock")),
  },
  {
    source: "cloud-hypervisor",
    program: /cloud-hypervisor/,
    nameIn: (parameters) => socketName(optionValue(parameters, "--api-socket")),
  },
  { source: "crosvm", program: /crosvm/, nameIn: (parameters) => optionValue(parameters, "--name") },
  { source: "kvmtool", program: /^lkvm/, nameIn: (parameters) => optionValue(parameters, "--name", "-n") },
];

/**
 * The name that a command line gives a VM; undefined if the program is no known VMM, or names no VM.
 * @param commandLine as in /proc/PID/cmdline: parameters that NUL ends
 */
export function nameInCommandLine(commandLine: string): Found | undefined {
  const [program = "", ...parameters] = commandLine.split("\0");
  const vmm = VMMS.find((known) => known.program.test(basename(program)));
  const name = vmm?.nameIn(parameters);
  return vmm && name ? { name: name.slice(0, MAX_NAME_LENGTH), source: vmm.source } : undefined;
}

// The form of RFC 9562, which QEMU asks for, too.
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The UUID that a command line gives a VM, in lower case; undefined where it gives none. As nameInCommandLine(). */
export function uuidInCommandLine(commandLine: string): string | undefined {
  const [program = "", ...parameters] = commandLine.split("\0");
  if (!/qemu|^kvm$/.test(basename(program))) return undefined;
  const uuid = optionValue(parameters, "-uuid", "--uuid");
  return uuid !== undefined && UUID.test(uuid) ? uuid.toLowerCase() : undefined;
}
