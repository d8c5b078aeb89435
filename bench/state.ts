// What a change of the replicated state costs on its way: its bytes, and the time until it is
// applied. The edits are those of a junction: a phase changes and its end is predicted anew. The
// peers are the two libraries that one would take instead, each making the same edits: a map with
// the phase's number as key and [display, predicted end] as value.
//
// Bytes: our delta inside a batch of eight (what a junction says in a second), the batch's head
// included; of Yjs one update merged from the same eight, of Automerge the eight changes saved
// together. And each change alone, as a fast lane sends it at once. Time: from received bytes to
// applied, one change for each message; every round begins with an empty copy.
import * as Automerge from "@automerge/automerge";
import * as Y from "yjs";
import type { Part } from "../src/core/state/part.ts";
import { Replica } from "../src/core/state/replica.ts";
import { decodeParts, encodeParts, type TimedPart } from "../src/wire/part.ts";
import { type Measured, report } from "./support/figures.ts";

const EDITS = 20_000;
/** Automerge takes tens of times as long for an edit. */
const AUTOMERGE_EDITS = 4_000;
const BATCH = 8;
const ROUNDS = 7;
const LEASED = 1_000;
const START_MS = 1_700_000_000_000;

interface Edit {
  readonly phase: number;
  readonly display: number;
  readonly endMs: number;
  readonly atMs: number;
}

/** A phase of eight changes its display every 100 ms. */
function edit(index: number): Edit {
  const atMs = START_MS + index * 100;
  const endMs = atMs + 3_000 + ((index * 7_919) % 40_000);
  return { phase: 1 + (index % 8), display: 1 + (index % 4), endMs, atMs };
}

const edits = Array.from({ length: EDITS }, (_, index) => edit(index));

interface Cost {
  readonly applyUs: number;
  readonly batchBytes: number;
  readonly aloneBytes: number;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function mean(sizes: readonly Uint8Array[], per: number): number {
  return sizes.reduce((sum, { length }) => sum + length, 0) / per;
}

/** Microseconds for each message; the first two rounds are left for the compiler to warm up. */
function timed(
  messages: readonly Uint8Array[],
  fresh: () => (message: Uint8Array) => void,
): number {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const take = fresh();
    const before = performance.now();
    for (const message of messages) take(message);
    rounds.push(((performance.now() - before) * 1_000) / messages.length);
  }
  return median(rounds.slice(2));
}

function inBatches<T>(all: readonly T[]): T[][] {
  const count = Math.ceil(all.length / BATCH);
  return Array.from({ length: count }, (_, index) => all.slice(index * BATCH, (index + 1) * BATCH));
}

const from = { origin: "ash", incarnation: 1 };

/** A copy that has the origin's opening, and how it takes a message. */
function copyOf(opening: Part, replica: Replica): (message: Uint8Array) => void {
  replica.join(opening, 0);
  return (message) => {
    for (const { part } of decodeParts(message, from)) {
      const { kind, reason } = replica.join(part, 0);
      if (kind !== "joined") throw new Error(`a delta was ${kind}: ${reason}`);
    }
  };
}

function measureOurs(): Cost & { readonly joinUs: number; readonly batchedUs: number } {
  const writer = new Replica(0, "ash");
  const opening = writer.begin(1, [], 0);
  const parts = edits.map(({ phase, display, endMs, atMs }): TimedPart => {
    const value = [display, endMs];
    const part = writer.change([{ kind: "set", field: "phase", key: phase, value }], 0);
    return { part, atMs };
  });
  const alone = parts.map((part) => encodeParts([part]));
  const batches = inBatches(parts).map((batch) => encodeParts(batch));
  let copy = new Replica(0, "elm");
  const fresh = (): ((message: Uint8Array) => void) => {
    copy = new Replica(0, "elm");
    return copyOf(opening, copy);
  };
  const applyUs = timed(alone, fresh);
  if (JSON.stringify(copy.canonical("ash")) !== JSON.stringify(writer.canonical("ash"))) {
    throw new Error("the copy differs");
  }
  const batchedUs = timed(batches, fresh) / BATCH;
  return {
    applyUs,
    batchedUs,
    joinUs: measureJoin(opening, parts),
    batchBytes: mean(batches, EDITS),
    aloneBytes: mean(alone, EDITS),
  };
}

/** Without decoding. */
function measureJoin(opening: Part, parts: readonly TimedPart[]): number {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const replica = new Replica(0, "elm");
    replica.join(opening, 0);
    const before = performance.now();
    for (const { part } of parts) replica.join(part, 0);
    rounds.push(((performance.now() - before) * 1_000) / parts.length);
  }
  return median(rounds.slice(2));
}

function measureYjs(): Cost {
  const document = new Y.Doc();
  const phases = document.getMap<number[]>("phase");
  const updates: Uint8Array[] = [];
  document.on("update", (update) => updates.push(update));
  for (const { phase, display, endMs } of edits) phases.set(String(phase), [display, endMs]);
  let copy = new Y.Doc();
  const applyUs = timed(updates, () => {
    copy = new Y.Doc();
    return (update) => Y.applyUpdate(copy, update);
  });
  const differs = JSON.stringify(copy.getMap("phase")) !== JSON.stringify(phases);
  if (differs) throw new Error("the copy of Yjs differs");
  const batches = inBatches(updates).map((batch) => Y.mergeUpdates(batch));
  return { applyUs, batchBytes: mean(batches, EDITS), aloneBytes: mean(updates, EDITS) };
}

interface Phases {
  phase: Record<string, number[]>;
}

function measureAutomerge(): Cost {
  let document = Automerge.from<Phases & Record<string, unknown>>({ phase: {} });
  const opening = Automerge.save(document);
  Automerge.saveIncremental(document);
  const changes: Uint8Array[] = [];
  const batches: Uint8Array[] = [];
  for (const [index, { phase, display, endMs }] of edits.slice(0, AUTOMERGE_EDITS).entries()) {
    document = Automerge.change(document, (draft) => {
      draft.phase[String(phase)] = [display, endMs];
    });
    const change = Automerge.getLastLocalChange(document);
    if (change === undefined) throw new Error("Automerge made no change");
    changes.push(change);
    if (index % BATCH === BATCH - 1) batches.push(Automerge.saveIncremental(document));
  }
  let copy = Automerge.load<Phases & Record<string, unknown>>(opening);
  const applyUs = timed(changes, () => {
    copy = Automerge.load(opening);
    return (change) => {
      [copy] = Automerge.applyChanges(copy, [change]);
    };
  });
  if (JSON.stringify(copy.phase) !== JSON.stringify(document.phase)) {
    throw new Error("the copy of Automerge differs");
  }
  return {
    applyUs,
    batchBytes: mean(batches, AUTOMERGE_EDITS),
    aloneBytes: mean(changes, AUTOMERGE_EDITS),
  };
}

/** A neighbour comes back: all of 1,000 vehicles in one part, from bytes to applied. */
function measureWhole(): { readonly ms: number; readonly bytes: number } {
  const writer = new Replica(3, "ash");
  const changes = Array.from({ length: LEASED }, (_, index) => ({
    kind: "add" as const,
    field: "vehicles" as const,
    key: `v${index.toString(36).padStart(8, "0")}`,
    leaseMs: 10_000,
  }));
  writer.begin(1, changes, 0);
  const bytes = encodeParts([{ part: writer.whole(500), atMs: START_MS }]);
  const rounds = Array.from({ length: 50 }, () => {
    const replica = new Replica(3, "elm");
    const before = performance.now();
    for (const { part } of decodeParts(bytes, from)) replica.join(part, 0);
    return performance.now() - before;
  });
  return { ms: median(rounds), bytes: bytes.length };
}

/** The same elements after many adds and removes, against few: bytes of the whole. */
function measureChurn(changes: number): number {
  const writer = new Replica(3, "ash");
  writer.begin(1, [], 0);
  for (let index = 0; index < changes; index += 1) {
    const key = `v${String(index % 100_000).padStart(6, "0")}`;
    const gone = `v${String((index + 99_000) % 100_000).padStart(6, "0")}`;
    writer.change([{ kind: "add", field: "vehicles", key, leaseMs: 10_000 }], 0);
    if (index >= LEASED) writer.change([{ kind: "remove", field: "vehicles", key: gone }], 0);
  }
  return encodeParts([{ part: writer.whole(0), atMs: START_MS }]).length;
}

function costs(suffix: string, cost: Cost): Measured[] {
  const [applied, bytes] = suffix === "" ? ["<= 2", "<= 24"] : [undefined, undefined];
  return [
    {
      figure: `delta_bytes_phase${suffix}`,
      value: cost.batchBytes,
      unit: "B",
      ...(bytes === undefined ? {} : { budget: bytes }),
    },
    {
      figure: `delta_apply_us${suffix}`,
      value: cost.applyUs,
      unit: "us",
      ...(applied === undefined ? {} : { budget: applied }),
    },
    { figure: `delta_bytes_alone${suffix}`, value: cost.aloneBytes, unit: "B" },
  ];
}

const ours = measureOurs();
const whole = measureWhole();
report("state", [
  ...costs("", ours),
  ...costs("_yjs", measureYjs()),
  ...costs("_automerge", measureAutomerge()),
  { figure: "delta_apply_batched_us", value: ours.batchedUs, unit: "us" },
  { figure: "delta_join_us", value: ours.joinUs, unit: "us" },
  { figure: "whole_1000_apply_ms", value: whole.ms, unit: "ms" },
  { figure: "whole_1000_bytes", value: whole.bytes, unit: "B" },
  { figure: "whole_bytes_after_1e4", value: measureChurn(5_500), unit: "B" },
  { figure: "whole_bytes_after_1e6", value: measureChurn(500_500), unit: "B" },
]);
