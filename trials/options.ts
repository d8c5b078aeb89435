// What `scripts/guest` and `scripts/trial` have in common on the command line.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Arch, hostArch } from "./base-root.ts";
import { type GuestImage, guestImage, type MachineKind } from "./guest-image.ts";
import { output } from "./host.ts";
import { kvmWorks } from "./qemu.ts";
import { UML_PROGRAM } from "./uml.ts";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

export interface TrialOptions {
  readonly arch: Arch;
  readonly machine: MachineKind;
  /** The package; null: made from this folder. */
  readonly deb: string | null;
  /** Debian roots and guests' disks, some GB. */
  readonly cache: string;
  readonly site: string | null;
  readonly cuts: number;
  readonly from: number;
  readonly seed: number;
  readonly words: readonly string[];
}

function whole(text: string | undefined, otherwise: number, name: string): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} ${text} is no whole number`);
  return Number(text);
}

/** QEMU where it may use the processor itself; else the kernel as a process, if there is one. */
function machineOf(text: string | undefined, arch: Arch): MachineKind {
  if (text === "qemu" || text === "uml") return text;
  if (text !== undefined) throw new Error(`--machine ${text}: qemu or uml`);
  const asProcess = arch === "amd64" && arch === hostArch() && existsSync(UML_PROGRAM);
  return !kvmWorks(arch) && asProcess ? "uml" : "qemu";
}

/** Reads the words behind the script's name; an error says what is wrong with them. */
export function trialOptions(args: string[]): TrialOptions {
  const text = { type: "string" } as const;
  const names = { arch: text, machine: text, deb: text, cache: text, site: text };
  const options = { ...names, cuts: text, from: text, seed: text };
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const arch = values.arch ?? (positionals[0] === "arm64" ? "arm64" : hostArch());
  if (arch !== "amd64" && arch !== "arm64") throw new Error(`--arch ${arch}: amd64 or arm64`);
  for (const file of [values.deb, values.site]) {
    if (file !== undefined && !existsSync(file)) throw new Error(`${file} does not exist`);
  }
  return {
    arch,
    machine: machineOf(values.machine, arch),
    deb: values.deb === undefined ? null : resolve(values.deb),
    cache: resolve(values.cache ?? join(ROOT, "build/guest")),
    site: values.site === undefined ? null : resolve(values.site),
    cuts: whole(values.cuts, 50, "cuts"),
    from: whole(values.from, 1, "from"),
    seed: whole(values.seed, 1, "seed"),
    words: positionals,
  };
}

/** The guest that the options name, from the cache or made now. */
export async function imageOf(options: TrialOptions): Promise<GuestImage> {
  const { arch, machine, cache } = options;
  mkdirSync(cache, { recursive: true });
  return await guestImage({ arch, machine, deb: packageOf(options), cache });
}

/** The package that the options name, or one made now. */
export function packageOf({ arch, deb, cache }: TrialOptions): string {
  return deb ?? madePackage(arch, cache);
}

function madePackage(arch: Arch, cache: string): string {
  const words = ["--arch", arch, "--out", join(cache, "packages")];
  return output(join(ROOT, "scripts/package"), words).trim().split("\n").at(-1) ?? "";
}

/** The site of most trials: the demo's junction with its virtual cabinet. */
export function demoSite(): string {
  return readFileSync(join(ROOT, "config/demo.yaml"), "utf8");
}

/** A site whose cabinet is wired to a tty, without the street that only a virtual one may have. */
export function wiredSite(device: string): string {
  const text = demoSite();
  const virtual = "cabinet: { device: virtual, baud: 500000 }";
  if (!text.includes(virtual)) throw new Error("the demo's site file has no virtual cabinet");
  const wired = text.replace(virtual, `cabinet: { device: ${device}, baud: 500000 }`);
  return wired.replace(/^street:\n(?: .*\n)+/m, "");
}
