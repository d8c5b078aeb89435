// One node as the world sees it: an operator's client at its broker, and its console. Judges each
// message as it comes; what was said to be durable is remembered for the audit.
import { createHash } from "node:crypto";
import mqtt, { type MqttClient } from "mqtt";
import type { NeighbourPicture, NeighboursPicture } from "../../core/site/neighbours.ts";
import { encodeCbor } from "../../wire/codec.ts";
import { encodeCommand } from "../../wire/command.ts";
import type { CommandBody } from "../../wire/command-body.ts";
import { decodeEvents, type EventRow } from "../../wire/events.ts";
import type { Place } from "../../wire/replay.ts";
import { decodeSpat } from "../../wire/spat.ts";
import { type NodeTopics, topicsOf } from "../../wire/topics.ts";
import { sameAnswer } from "../invariants/commands.ts";
import type { Judge } from "../invariants/invariant.ts";
import { hostAsksNothingUnlawful, noLatchWithoutFault } from "../invariants/lamps.ts";
import { replayHasNoSeam } from "../invariants/replay.ts";
import { countersNeverStepBack, noDotTwice, noHonestLiar } from "../invariants/state.ts";
import type { Listening } from "./node-process.ts";

const COMMAND_LIFE_MS = 55_000;
/** What a node says of a neighbour that it knows from before its start. */
const CACHED = "from before this start";

/** A row by its content: the same text for the same row, on the wire and on the disk. */
export function digestOf({ at, kind, body }: Omit<EventRow, "seq">): string {
  const bytes = encodeCbor([at, kind, body]);
  return createHash("sha256").update(bytes).digest("hex").slice(0, 24);
}

export interface WatchOptions {
  readonly node: { readonly region: string; readonly zone: string; readonly id: string };
  readonly judge: Judge;
  /** The cabinet was broken so lately that a latch may come from it. */
  readonly wasBroken: () => boolean;
  /** Mode and cause as the node says them; null while it says nothing. */
  readonly onMode: (mode: string | null, cause: string | null) => void;
}

export class NodeWatch {
  readonly #options: WatchOptions;
  readonly #topics: NodeTopics;
  readonly #answers = new Map<string, string>();
  /** Counted vehicles by neighbour, in this start. */
  readonly #vehicles = new Map<string, number>();
  /** The start that shares under an incarnation. */
  readonly #starts = new Map<number, number>();
  #client: MqttClient | null = null;
  #listening: Listening | null = null;
  #start = 0;
  #place: Place | null = null;
  #latched = false;
  /** By place in the log: what was told as committed. */
  readonly said = new Map<number, string>();
  newestSaid = 0;
  mode: string | null = null;
  /** Of the process that runs; null until it has spoken. */
  health: string | null = null;
  neighbours: readonly NeighbourPicture[] = [];
  /** Messages of this start. */
  pictures = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#topics = topicsOf(options.node);
  }

  get id(): string {
    return this.#options.node.id;
  }

  get connected(): boolean {
    return this.#client?.connected === true;
  }

  /** A process of it listens; `start` is its number. */
  attach(listening: Listening, start: number): void {
    this.detach();
    this.#listening = listening;
    this.#start = start;
    const client = mqtt.connect(listening.mqtt, {
      clientId: "chaos",
      username: "operator",
      password: listening.secret,
      protocolVersion: 4,
      reconnectPeriod: 1_000,
      keepalive: 30,
      resubscribe: false,
    });
    this.#client = client;
    const { spat, events, stateJson, healthJson, prefix } = this.#topics;
    client.on("connect", () => {
      this.#place = null;
      const filters = [spat, events, stateJson, healthJson, `${prefix}reply/+/json`];
      client.subscribe(filters, { qos: 1 }, () => undefined);
    });
    client.on("error", () => undefined);
    client.on("message", (topic, payload) => this.#take(topic, payload));
  }

  /** Its process is gone. */
  detach(): void {
    this.#client?.end(true);
    this.#client?.removeAllListeners("message");
    this.#client = null;
    this.#listening = null;
    this.#vehicles.clear();
    this.#place = null;
    this.mode = null;
    this.health = null;
    this.neighbours = [];
    this.pictures = 0;
    this.#options.onMode(null, null);
  }

  /** A command; false when nobody can be told. */
  give(id: string, body: CommandBody, issuedMs: number): boolean {
    if (!this.connected) return false;
    const command = { id, issuedMs, expiresMs: issuedMs + COMMAND_LIFE_MS, body };
    const bytes = Buffer.from(encodeCommand(command));
    this.#client?.publish(this.#topics.command(id), bytes, { qos: 1 }, () => undefined);
    return true;
  }

  /** It has answered a command, and done it. */
  hasDone(id: string): boolean {
    return this.#answers.get(id)?.startsWith("true") === true;
  }

  /** Its figures by name with labels; null when it does not answer within `patienceMs`. */
  async figures(patienceMs: number): Promise<ReadonlyMap<string, number> | null> {
    const { console } = this.#listening ?? {};
    if (console === undefined) return null;
    try {
      const signal = AbortSignal.timeout(patienceMs);
      const answer = await fetch(`${console}/metrics`, { signal });
      const lines = (await answer.text()).split("\n").filter((line) => /^\w/.test(line));
      return new Map(
        lines.map((line) => {
          const at = line.lastIndexOf(" ");
          return [line.slice(0, at), Number(line.slice(at + 1))] as const;
        }),
      );
    } catch {
      return null;
    }
  }

  #take(topic: string, payload: Buffer): void {
    const { spat, events, stateJson, healthJson, prefix } = this.#topics;
    if (topic === spat) this.#takeSpat(payload);
    else if (topic === events) this.#takeEvents(payload);
    else if (topic === stateJson) this.#takeState(JSON.parse(payload.toString()));
    else if (topic === healthJson) this.health = JSON.parse(payload.toString()).state;
    else if (topic.startsWith(`${prefix}reply/`)) this.#takeReply(JSON.parse(payload.toString()));
  }

  #takeSpat(payload: Buffer): void {
    const { incarnation, mode, cause } = decodeSpat(payload);
    if (mode === "unavailable") return;
    this.mode = mode;
    this.#options.onMode(mode, cause);
    if (mode === "controlled") this.#latched = false;
    if (incarnation === 0) return;
    const known = this.#starts.get(incarnation) ?? this.#start;
    this.#starts.set(incarnation, known);
    const { judge } = this.#options;
    judge.ask(noDotTwice, this.id, incarnation, String(known), String(this.#start));
  }

  #takeEvents(payload: Buffer): void {
    const { incarnation, rows } = decodeEvents(payload);
    const [first, last] = [rows[0], rows.at(-1)];
    if (first === undefined || last === undefined) return;
    const page = { incarnation, from: first.seq, to: last.seq, rows, head: last.seq };
    this.#options.judge.ask(replayHasNoSeam, this.id, this.#place, page, false);
    this.#place = { incarnation, seq: last.seq };
    for (const row of rows) {
      this.said.set(row.seq, digestOf(row));
      this.newestSaid = Math.max(this.newestSaid, row.seq);
      this.#takeRow(row);
    }
  }

  #takeRow({ kind, body }: EventRow): void {
    if (kind !== "trip") return;
    const { judge, wasBroken } = this.#options;
    const [first] = Array.isArray(body) ? body : [];
    const latched = String(first);
    judge.ask(hostAsksNothingUnlawful, this.id, latched);
    // One latch is told again to each process that finds it.
    judge.ask(noLatchWithoutFault, this.id, latched, this.#latched || wasBroken());
    this.#latched = true;
  }

  #takeState(picture: NeighboursPicture): void {
    const { judge } = this.#options;
    this.pictures += 1;
    this.neighbours = picture.neighbours;
    for (const { id, vehicles, trouble } of picture.neighbours) {
      judge.ask(noHonestLiar, this.id, id, trouble === CACHED ? null : trouble);
      const before = this.#vehicles.get(id) ?? 0;
      if (vehicles !== before) {
        judge.ask(countersNeverStepBack, this.id, `vehicles of ${id}`, before, vehicles);
      }
      this.#vehicles.set(id, vehicles);
    }
  }

  #takeReply(reply: { id: string; ok: boolean; reason: string | null; at?: number }): void {
    const answer = `${reply.ok} ${reply.reason ?? ""} ${reply.at ?? ""}`;
    const first = this.#answers.get(reply.id);
    if (first === undefined) this.#answers.set(reply.id, answer);
    else if (first.startsWith("true")) {
      this.#options.judge.ask(sameAnswer, this.id, reply.id, first, answer);
    }
  }
}
