// Does to a corridor what its plan says, and counts what has really been done.
import { spawn, spawnSync } from "node:child_process";
import { randomBytes, X509Certificate } from "node:crypto";
import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Authority } from "../../trust/authority.ts";
import { serialOf } from "../../trust/certificate.ts";
import type { Cabinets } from "./cabinets.ts";
import { FILLER } from "./disk-look.ts";
import type { NodeProcess } from "./node-process.ts";
import type { NodeWatch } from "./node-watch.ts";
import { CHAOS, CHAOS_KINDS, type ChaosFault, type ChaosKind, isFlood } from "./plan.ts";
import type { Roads } from "./roads.ts";

const FLOOD = fileURLToPath(new URL("./flood-process.ts", import.meta.url));
const MQTT_FLOOD = fileURLToPath(new URL("../../../bench/support/flood.ts", import.meta.url));
const MQTT_PER_S = 20_000;
const IDLE_CONNECTIONS = 10_000;
/** Descriptors that a process needs beside them. */
const SPARE_DESCRIPTORS = 1_000;
const BLOCK = Buffer.alloc(65_536, 0x5a);
/** Between two tries to tell a node of a revocation, and how often. */
const TELL_MS = 2_000;
const TELLS = 60;

export interface Member {
  readonly node: NodeProcess;
  readonly watch: NodeWatch;
}

export interface InjectorOptions {
  readonly members: readonly Member[];
  readonly roads: Roads;
  readonly cabinets: Cabinets;
  readonly authority: Authority;
  /** The data folders are mounts of a few MB of their own. */
  readonly smallDisks: boolean;
  readonly say: (line: string) => void;
}

/** Descriptors that a process may have open. */
function descriptors(): number {
  const line = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
  return line?.[1] === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(line?.[1] ?? 1_024);
}

export class Injector {
  readonly #options: InjectorOptions;
  readonly #open = new Set<Promise<void>>();
  readonly fired = new Map<ChaosKind, number>(CHAOS_KINDS.map((kind) => [kind, 0]));
  readonly skipped = new Map<ChaosKind, string>();
  /** Serials of which a node has said that they are revoked. */
  readonly revoked: string[] = [];
  /** Which nodes are flooded, and by what. */
  readonly flooded = new Map<string, ChaosKind>();

  constructor(options: InjectorOptions) {
    this.#options = options;
    const { smallDisks } = options;
    if (!smallDisks) this.skipped.set("full-disk", "no mounts without root or user namespaces");
  }

  /** Lets a fault begin; it ends by itself. */
  begin(fault: ChaosFault): void {
    if (this.skipped.has(fault.kind)) return;
    const done = this.#do(fault).finally(() => this.#open.delete(done));
    this.#open.add(done);
  }

  /** All faults are over. */
  async over(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
  }

  async #do(fault: ChaosFault): Promise<void> {
    const { kind, at } = fault;
    const { members, roads } = this.#options;
    if (CHAOS[kind].on === "road") {
      roads.begin(fault);
      this.#count(kind);
      await sleep(fault.forMs);
      return;
    }
    const member = members[at - 1];
    if (member === undefined) throw new Error(`no junction ${at}`);
    if (isFlood(kind)) await this.#flood(fault, member);
    else if (kind === "revocation") await this.#revoke(member);
    else if (kind === "stuck-relay" || kind === "unplugged-cabinet") {
      await this.#cabinet(fault, member);
    } else if (kind === "full-disk") await this.#fill(fault, member.node);
    else if (kind === "kill" || kind === "pause") await this.#process(fault, member);
    else if (kind === "slow-disk" || kind === "stalled-disk") {
      this.#count(kind);
      member.node.holdLog(kind);
      await sleep(fault.forMs);
      member.node.holdLog(null);
    }
  }

  #count(kind: ChaosKind): void {
    this.fired.set(kind, (this.fired.get(kind) ?? 0) + 1);
  }

  async #process({ kind, forMs }: ChaosFault, { node, watch }: Member): Promise<void> {
    const { cabinets } = this.#options;
    this.#count(kind);
    cabinets.tell({ kind: "deaf", id: node.id, deaf: true });
    if (kind === "kill") {
      watch.detach();
      await node.kill();
      await sleep(forMs);
      node.start();
    } else {
      node.pause();
      cabinets.tell({ kind: "says", id: node.id, mode: null, cause: null });
      await sleep(forMs);
      node.resume();
    }
    cabinets.tell({ kind: "deaf", id: node.id, deaf: false });
  }

  async #cabinet({ kind, forMs }: ChaosFault, { node }: Member): Promise<void> {
    const { cabinets } = this.#options;
    const relay = kind === "stuck-relay";
    const tell = (wrong: boolean): void =>
      relay
        ? cabinets.tell({ kind: "relay", id: node.id, broken: wrong })
        : cabinets.tell({ kind: "plug", id: node.id, plugged: !wrong });
    this.#count(kind);
    tell(true);
    await sleep(forMs);
    tell(false);
  }

  async #fill({ kind, forMs }: ChaosFault, node: NodeProcess): Promise<void> {
    const path = join(node.place.data, FILLER);
    const file = openSync(path, "w");
    let full = false;
    const fill = (): void => {
      try {
        for (;;) writeSync(file, BLOCK);
      } catch {
        try {
          for (;;) writeSync(file, BLOCK, 0, 512);
        } catch {
          full = true;
        }
      }
    };
    fill();
    // What the node gives back is taken as well.
    const again = setInterval(fill, 200);
    await sleep(forMs);
    clearInterval(again);
    closeSync(file);
    rmSync(path);
    if (full) this.#count(kind);
  }

  async #flood({ kind, forMs }: ChaosFault, { node, watch }: Member): Promise<void> {
    const { place, listening } = node;
    const seconds = String(forMs / 1_000);
    const mqttPort = listening === null ? "" : new URL(listening.mqtt).port;
    const idle = Math.min(IDLE_CONNECTIONS, descriptors() - SPARE_DESCRIPTORS);
    if (kind === "idle-connections" && idle < IDLE_CONNECTIONS) {
      this.#options.say(`only ${idle} idle connections: raise the limit of open files (ulimit -n)`);
    }
    const words: Partial<Record<ChaosKind, string[]>> = {
      "udp-flood": [FLOOD, "udp", String(place.fastPort), seconds],
      "idle-connections": [FLOOD, "idle", String(place.reliablePort), seconds, String(idle)],
      "mqtt-flood": [MQTT_FLOOD, mqttPort, String(MQTT_PER_S), seconds],
    };
    const args = words[kind];
    if (args === undefined || (kind === "mqtt-flood" && mqttPort === "")) return;
    this.flooded.set(watch.id, kind);
    const child = spawn("nice", ["-n", "19", process.execPath, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const end = (): void => void child.kill("SIGKILL");
    process.once("exit", end);
    let said = "";
    child.stdout.on("data", (bytes: Buffer) => {
      said += bytes.toString();
    });
    await new Promise((resolve) => child.once("close", resolve));
    process.off("exit", end);
    this.flooded.delete(watch.id);
    this.#options.say(`${kind} of ${node.id}: ${said.trim()}`);
    if (said.startsWith("{")) this.#count(kind);
  }

  /** A vehicle that never was loses its certificate; whichever node is told, all have to know. */
  async #revoke({ watch }: Member): Promise<void> {
    const { authority } = this.#options;
    const nowMs = Date.now();
    const id = `made-up-${randomBytes(4).toString("hex")}`;
    const made = await authority.issue({ role: "vehicle", id, days: 1, nowMs });
    const serial = serialOf(new X509Certificate(made.certPem));
    const signed = Buffer.from(authority.revoke(serial, nowMs)).toString("base64");
    for (let tries = 0; tries < TELLS; tries += 1) {
      const command = randomBytes(16).toString("hex");
      watch.give(command, { kind: "revoke", signed }, Date.now());
      await sleep(TELL_MS);
      if (!watch.hasDone(command)) continue;
      this.revoked.push(serial);
      this.#count("revocation");
      return;
    }
  }
}

/** Gives a folder a disk of its own of `megabytes` in memory; false where that is not allowed. */
export function mountSmallDisk(dir: string, megabytes: number): boolean {
  const options = ["-t", "tmpfs", "-o", `size=${megabytes}m`, "stopline-chaos", dir];
  return spawnSync("mount", options, { stdio: "ignore" }).status === 0;
}

export function unmountSmallDisk(dir: string): void {
  spawnSync("umount", [dir], { stdio: "ignore" });
}
