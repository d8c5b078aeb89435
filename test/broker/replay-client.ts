// A client that replays: asks, gathers the parts and checks that they follow on one another.
import { randomBytes } from "node:crypto";
import { decodeReply } from "../../src/wire/command.ts";
import type { EventRow } from "../../src/wire/events.ts";
import {
  decodeReplayPart,
  encodeReplayRequest,
  type Place,
  type ReplayPart,
  type ReplayRequest,
} from "../../src/wire/replay.ts";
import type { Client } from "./clients.ts";
import { PREFIX, until } from "./support.ts";

export interface Replayed {
  readonly id: string;
  readonly parts: ReplayPart[];
  readonly rows: () => EventRow[];
  /** Where to go on. */
  readonly place: () => Place;
  /** Rows that no part covers, between those that do, or that two cover; as text. */
  readonly faults: () => string[];
}

export function request(extra: Partial<ReplayRequest> = {}): ReplayRequest {
  const now = Date.now();
  return {
    id: randomBytes(16).toString("hex"),
    issuedMs: now,
    expiresMs: now + 30_000,
    after: null,
    sinceMs: null,
    kinds: [],
    limit: null,
    live: false,
    ...extra,
  };
}

/** Begins a replay and waits for its reply; rejects with the reason. */
export async function replay(
  client: Client,
  extra: Partial<ReplayRequest> = {},
): Promise<Replayed> {
  const asked = request(extra);
  const topic = `${PREFIX}reply/${asked.id}/events`;
  await client.subscribe(`${PREFIX}reply/+/#`, 1);
  const parts: ReplayPart[] = [];
  client.mqtt.on("message", (from, payload) => {
    if (from === topic) parts.push(decodeReplayPart(payload));
  });
  const bytes = Buffer.from(encodeReplayRequest(asked));
  const reply = `${PREFIX}reply/${asked.id}`;
  client.mqtt.publish(`${PREFIX}command/${asked.id}`, bytes, { qos: 1 });
  await until(() => client.of(reply).length > 0);
  const { ok, reason } = decodeReply(client.of(reply)[0]?.payload ?? Buffer.alloc(0));
  if (!ok) throw new Error(reason ?? "refused");
  return {
    id: asked.id,
    parts,
    rows: () => parts.flatMap(({ rows }) => rows),
    place: () => {
      const last = parts.at(-1);
      return { incarnation: last?.incarnation ?? 0, seq: last?.to ?? 0 };
    },
    faults: () => faultsOf(parts, asked.after),
  };
}

function faultsOf(parts: readonly ReplayPart[], after: Place | null): string[] {
  const faults: string[] = [];
  let next = after === null ? (parts[0]?.from ?? 0) : after.seq + 1;
  for (const { from, to, rows } of parts) {
    if (from !== next) faults.push(`${from} follows on ${next - 1}`);
    if (rows.some(({ seq }) => seq < from || seq > to)) faults.push(`rows outside ${from}-${to}`);
    next = to + 1;
  }
  return faults;
}
