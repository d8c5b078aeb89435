// What is done to a corridor of real processes and when, from the seed alone. Pure.
import { Random } from "../random.ts";

/** What befalls a node, or a road between two neighbours; `ms`: how long it may last. */
interface Shape {
  readonly on: "node" | "road";
  readonly ms: readonly [number, number];
  /** How often beside the others. */
  readonly weight: number;
  /** Calm that the place has afterwards. */
  readonly restMs: number;
}

function shape(on: Shape["on"], ms: readonly [number, number], weight = 1, restMs = 2_000): Shape {
  return { on, ms, weight, restMs };
}

/** A latch waits for its person; then the junction starts. */
const LATCHED_MS = 100_000;

export const CHAOS = {
  /** `kill -9`, and started again after so long. */
  kill: shape("node", [200, 6_000], 3, 30_000),
  /** SIGSTOP, and SIGCONT after so long. */
  pause: shape("node", [300, 8_000], 2, 25_000),
  /** Nothing passes, on either lane; afterwards the connections are gone. */
  cut: shape("road", [2_000, 15_000]),
  "one-way-cut": shape("road", [2_000, 15_000]),
  "flapping-cut": shape("road", [4_000, 12_000]),
  delay: shape("road", [4_000, 15_000]),
  jitter: shape("road", [4_000, 15_000]),
  loss: shape("road", [5_000, 20_000], 2),
  duplication: shape("road", [5_000, 20_000]),
  reordering: shape("road", [5_000, 20_000]),
  /** A narrow road, bytes a second. */
  bandwidth: shape("road", [5_000, 15_000]),
  /** The fast lane alone carries nothing, and nobody is told. */
  "black-hole": shape("road", [3_000, 15_000]),
  reset: shape("road", [0, 0], 2),
  /** The data folder has no byte left. */
  "full-disk": shape("node", [3_000, 10_000], 1, 5_000),
  /** Its log thread is held for 400 ms of every 500. */
  "slow-disk": shape("node", [4_000, 12_000], 1, 5_000),
  /** Its log thread is held all the time. */
  "stalled-disk": shape("node", [1_500, 4_000], 1, 5_000),
  /** Garbage to its UDP port as fast as a process can send it. */
  "udp-flood": shape("node", [2_000, 5_000], 1, 5_000),
  /** MQTT messages to its broker, 20,000 a second. */
  "mqtt-flood": shape("node", [3_000, 6_000], 1, 5_000),
  /** Ten thousand connections to its port for neighbours that say nothing. */
  "idle-connections": shape("node", [6_000, 10_000], 1, 5_000),
  /** The CA takes a certificate back; one node is told. */
  revocation: shape("node", [0, 0], 1, 0),
  /** The relay of its cabinet drops and does not come back while this lasts. */
  "stuck-relay": shape("node", [3_000, 6_000], 0.3, LATCHED_MS),
  "unplugged-cabinet": shape("node", [1_000, 8_000], 1, 25_000),
} as const satisfies Readonly<Record<string, Shape>>;

export type ChaosKind = keyof typeof CHAOS;
export const CHAOS_KINDS = Object.keys(CHAOS) as ChaosKind[];

/** A run of this length or more, with so many nodes or more, has to try everything. */
export const WHOLE_MS = 180_000;
export const LEAST_NODES = 3;

/** Junction numbers from 1; a road leads from `from` to the next one, `from + 1`. */
export interface ChaosFault {
  readonly kind: ChaosKind;
  readonly atMs: number;
  readonly forMs: number;
  /** The node; of a road its southern end. */
  readonly at: number;
  /** Of a one-way cut and all bad weather of one way: northwards, southwards, or null for both. */
  readonly way: "north" | "south" | null;
  /** From 0 to just under 1: how bad. */
  readonly much: number;
}

export interface ChaosOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly forMs: number;
}

/** Nothing before this: an observer is there, the first greens are shown. */
const FIRST_MS = 2_000;
/** Between two faults of the corridor, on average; several last side by side. */
const PAUSE_MS = 3_500;
/** Links of the flooded node are looked at meanwhile: they must have no other reason to fail. */
const FLOODS: readonly ChaosKind[] = ["udp-flood", "mqtt-flood", "idle-connections"];

export function isFlood(kind: ChaosKind): boolean {
  return FLOODS.includes(kind);
}

/** Who is busy until when. A road and its two nodes know of each other. */
class Places {
  readonly #freeMs = new Map<string, number>();

  /** The places that must be free for it, and are taken by it. */
  of(kind: ChaosKind, at: number, nodes: number): string[] {
    if (CHAOS[kind].on === "road") return [`road ${at}`];
    if (kind === "revocation") return [`revocation ${at}`];
    if (!isFlood(kind)) return [`node ${at}`];
    // Both ends of its links stay as they are; only one flood at a time.
    const around = [at - 1, at, at + 1].filter((other) => other >= 1 && other <= nodes);
    const roads = [at - 1, at].filter((road) => road >= 1 && road < nodes);
    return ["flood", ...around.map((one) => `node ${one}`), ...roads.map((one) => `road ${one}`)];
  }

  areFree(places: readonly string[], atMs: number): boolean {
    return places.every((place) => (this.#freeMs.get(place) ?? 0) <= atMs);
  }

  take(places: readonly string[], untilMs: number): void {
    for (const place of places) {
      this.#freeMs.set(place, Math.max(untilMs, this.#freeMs.get(place) ?? 0));
    }
  }
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const rest = [...list];
  const found: T[] = [];
  while (rest.length > 0) found.push(...rest.splice(random.below(rest.length), 1));
  return found;
}

function weighted(random: Random): ChaosKind {
  const sum = CHAOS_KINDS.reduce((total, kind) => total + CHAOS[kind].weight, 0);
  let left = random.next() * sum;
  for (const kind of CHAOS_KINDS) {
    left -= CHAOS[kind].weight;
    if (left < 0) return kind;
  }
  return "kill";
}

/** Each kind once before any twice; what has to settle longest comes first. */
function order(random: Random): ChaosKind[] {
  const rest = shuffled(
    CHAOS_KINDS.filter((kind) => kind !== "stuck-relay" && !isFlood(kind)),
    random,
  );
  // Floods want several places free at once: before they are crowded out.
  return [...shuffled(FLOODS, random), "stuck-relay", ...rest];
}

/** The faults of a run, by time. Same options, same plan, on any machine. */
export function planChaos({ seed, nodes, forMs }: ChaosOptions): ChaosFault[] {
  const random = new Random(seed, "chaos");
  const places = new Places();
  const due = order(random);
  const faults: ChaosFault[] = [];
  for (let atMs = FIRST_MS; ; atMs += 500 + random.exponential(PAUSE_MS - 500)) {
    if (atMs >= forMs) return faults;
    const found = next({ due, random, places, nodes, atMs });
    if (found === null) continue;
    const { kind, at } = found;
    const { ms, restMs } = CHAOS[kind];
    const lasts = Math.min(Math.round(random.between(...ms)), Math.round(forMs - atMs));
    const way = random.pick(["north", "south", null] as const);
    const one = kind === "one-way-cut" && way === null ? "north" : way;
    faults.push({
      kind,
      atMs: Math.round(atMs),
      forMs: lasts,
      at,
      way: CHAOS[kind].on === "road" && kind !== "cut" && kind !== "black-hole" ? one : null,
      much: random.next(),
    });
    places.take(places.of(kind, at, nodes), atMs + lasts + restMs);
  }
}

interface Looking {
  /** What has not come yet; the one that is found is taken out. */
  readonly due: ChaosKind[];
  readonly random: Random;
  readonly places: Places;
  readonly nodes: number;
  readonly atMs: number;
}

function next(looking: Looking): { kind: ChaosKind; at: number } | null {
  const { due, random } = looking;
  for (const kind of due) {
    const at = placeOf(kind, looking);
    if (at === null) continue;
    due.splice(due.indexOf(kind), 1);
    return { kind, at };
  }
  const kind = weighted(random);
  const at = placeOf(kind, looking);
  return at === null ? null : { kind, at };
}

function placeOf(kind: ChaosKind, { random, places, nodes, atMs }: Looking): number | null {
  const count = CHAOS[kind].on === "road" ? nodes - 1 : nodes;
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const free = numbers.filter((at) => places.areFree(places.of(kind, at, nodes), atMs));
  return free.length === 0 ? null : random.pick(free);
}

/** One fault in a line. */
export function faultLine({ kind, atMs, forMs, at, way, much }: ChaosFault): string {
  const place = CHAOS[kind].on === "road" ? `road ${at}-${at + 1}` : `junction-${at}`;
  const when = `${(atMs / 1_000).toFixed(1).padStart(6)} s`;
  const lasts = forMs === 0 ? "" : ` for ${(forMs / 1_000).toFixed(1)} s`;
  const bound = way === null ? "" : ` ${way}wards`;
  return `${when}  ${kind} of ${place}${bound}${lasts} (${much.toFixed(2)})`;
}
