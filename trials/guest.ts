// A guest as a trial uses it: our service under the real systemd and kernel, its site and its data
// on disks of their own, its console and broker reachable from here.
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { dirname, join } from "node:path";
import type { Health } from "../src/wire/health.ts";
import { DATA_LABEL, ETC_LABEL, type GuestImage, RELAYS } from "./guest-image.ts";
import type { GuestShell } from "./guest-shell.ts";
import { output, scratch, until } from "./host.ts";
import type { Machine, Reached } from "./machine.ts";
import { QemuMachine } from "./qemu.ts";
import { UmlMachine } from "./uml.ts";

/** A console that stands still is no answer. */
const ANSWER_MS = 5_000;
const DATA_BYTES = 256 * 1024 * 1024;
const ETC_BYTES = 8 * 1024 * 1024;
const CONSOLE_PORT = 8080;
const BROKER_PORT = 1883;

/** The guest's port that leads to one of its loopback. */
function relayOf(inner: number): number {
  return [...RELAYS].find(([, port]) => port === inner)?.[0] ?? 0;
}

export interface GuestOptions {
  readonly image: GuestImage;
  /** What lies in `/etc/stopline`, by name. */
  readonly etc: ReadonlyMap<string, string>;
  /** The data disk: a file, or what an NBD server serves; a new one of its own when left out. */
  readonly data?: string | "network";
  /** More words for the emulator; a kernel as a process takes none. */
  readonly extra?: readonly string[];
  /** Where several run side by side, from 0. */
  readonly number?: number;
}

/** An ext4 disk of `bytes` with what lies in `from`, or empty. */
export function makeDisk(path: string, label: string, bytes: number, from?: string): void {
  closeSync(openSync(path, "w"));
  truncateSync(path, bytes);
  const tree = from === undefined ? [] : ["-d", from];
  output("mke2fs", ["-q", "-F", "-t", "ext4", "-b", "4096", "-L", label, ...tree, path]);
}

export function makeDataDisk(path: string): void {
  makeDisk(path, DATA_LABEL, DATA_BYTES);
}

function startMachine(options: GuestOptions, folder: string, disks: readonly string[]): Machine {
  const { image, number = 0, extra = [] } = options;
  const networkDisk = options.data === "network";
  const ports = [...RELAYS.keys()];
  const common = { folder, root: image.disk, disks, networkDisk, ports, number };
  if (image.machine === "uml") return UmlMachine.start({ ...common, cache: image.cache });
  const { arch, kernel, initrd } = image;
  return QemuMachine.start({ ...common, arch, kernel, initrd, extra });
}

export class Guest {
  readonly machine: Machine;

  private constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Switches a guest on; its root forgets everything at its end. */
  static start(options: GuestOptions): Guest {
    const { etc, data } = options;
    const folder = scratch();
    const etcDisk = join(folder, "etc.img");
    const tree = join(folder, "etc");
    for (const [name, text] of etc) {
      const path = join(tree, name);
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      writeFileSync(path, text, { mode: name.startsWith("keys/") ? 0o600 : 0o644 });
    }
    makeDisk(etcDisk, ETC_LABEL, ETC_BYTES, tree);
    if (data === "network") return new Guest(startMachine(options, folder, [etcDisk]));
    const dataDisk = data ?? join(folder, "data.img");
    if (data === undefined) makeDataDisk(dataDisk);
    return new Guest(startMachine(options, folder, [dataDisk, etcDisk]));
  }

  /** Where its broker is reached. */
  get broker(): Reached {
    return this.machine.reach(relayOf(BROKER_PORT));
  }

  /** Where its console is reached. */
  get console(): Reached {
    return this.machine.reach(relayOf(CONSOLE_PORT));
  }

  async shell(): Promise<GuestShell> {
    return await this.machine.shell();
  }

  /** Runs a root script in it; its words, or an error. */
  async text(script: string): Promise<string> {
    return await (await this.shell()).text(script);
  }

  /** Of the console; null when it does not answer. */
  async get(path: string): Promise<{ readonly status: number; readonly text: string } | null> {
    return await new Promise((resolve) => {
      const asked = request(
        {
          ...this.console,
          path,
          headers: { host: `127.0.0.1:${CONSOLE_PORT}` },
          timeout: ANSWER_MS,
          agent: false,
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (part: string) => {
            text += part;
          });
          response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
          response.on("error", () => resolve(null));
        },
      );
      asked.on("timeout", () => asked.destroy());
      asked.on("error", () => resolve(null));
      asked.end();
    });
  }

  /** True while the node controls its lamps, or stands in its failure display by rule. */
  async isWell(): Promise<boolean> {
    return (await this.get("/healthz"))?.status === 200;
  }

  /** Waits for that; ms that it took, or null. */
  async wellWithin(patienceMs: number): Promise<number | null> {
    const fromMs = performance.now();
    const well = await until(patienceMs, () => this.isWell(), 100);
    return well ? performance.now() - fromMs : null;
  }

  async health(): Promise<Health | null> {
    const answer = await this.get("/api/health");
    return answer?.status === 200 ? (JSON.parse(answer.text) as Health) : null;
  }

  /** "ok: …" of one part of its health; "absent" where it has none, or does not answer. */
  async part(name: string): Promise<string> {
    const part = (await this.health())?.parts.find((one) => one.name === name);
    return part === undefined ? "absent" : `${part.state}: ${part.text}`;
  }

  async partBecomes(name: string, words: RegExp, patienceMs: number): Promise<boolean> {
    return await until(patienceMs, async () => words.test(await this.part(name)), 500);
  }

  /** A figure of its metrics, over all labels; null when it has none, or does not answer. */
  async figure(name: string): Promise<number | null> {
    const text = (await this.get("/metrics"))?.text ?? "";
    const values = text
      .split("\n")
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .map((line) => Number(line.slice(line.lastIndexOf(" ") + 1)));
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
  }

  /** Process number of the service, and how often systemd started it anew. */
  async service(): Promise<{ readonly pid: number; readonly restarts: number }> {
    const text = await this.text("systemctl show -p MainPID -p NRestarts stopline");
    const values = new Map(text.split("\n").map((line) => line.split("=") as [string, string]));
    return { pid: Number(values.get("MainPID")), restarts: Number(values.get("NRestarts")) };
  }
}
