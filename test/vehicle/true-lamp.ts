// A node with one true lamp, and a channel to a vehicle that holds back, loses and repeats: what
// the tests of belief judge against. Time is the vehicle's clock, ms.
import fc from "fast-check";
import { LAMP, type LampCode } from "../../src/core/site/lamps.ts";
import type { JunctionBelief } from "../../src/vehicle/belief.ts";
import type { Spat, SpatMode } from "../../src/wire/spat.ts";

export const PHASE = 2;

/** A picture with one phase; everything else as a controlled node says it. */
export function spat(change: Partial<Spat> & { readonly state?: LampCode } = {}): Spat {
  const { state = LAMP.green, ...rest } = change;
  return {
    incarnation: 1,
    sequence: 1,
    monoMs: 0,
    wallMs: 1_790_000_000_000,
    clock: "sure",
    validForMs: 1_000,
    mode: "controlled",
    cause: null,
    lamps: [],
    phases: [phase(state)],
    preempts: [],
    ...rest,
  };
}

/** How the phase stands in a picture. */
export function phase(
  state: LampCode,
  ends: { earliestMs?: number; likelyMs?: number; latestMs?: number } = {},
): Spat["phases"][number] {
  return {
    phase: PHASE,
    state,
    walk: null,
    sinceMs: 0,
    earliestMs: ends.earliestMs ?? null,
    likelyMs: ends.likelyMs ?? null,
    latestMs: ends.latestMs ?? null,
    call: false,
    pedestrianCall: false,
    ended: null,
  };
}

/** One thing that happens, `afterMs` after the one before it. */
export type Step = { readonly afterMs: number } & (
  | {
      readonly kind: "send";
      /** Age of the picture when it is sent, at most `LAG_MS`. */
      readonly lagMs: number;
      readonly delayMs: number;
      readonly lost: boolean;
      readonly repeatMs: number | null;
    }
  | { readonly kind: "lamp"; readonly state: LampCode; readonly mode: SpatMode }
  | { readonly kind: "subscribe"; readonly upMs: number; readonly delayMs: number }
  | { readonly kind: "restart"; readonly bootMs: number }
);

/** A node of ours speaks at least ten times a second; what it sends is no older. */
export const LAG_MS = 100;

const STATES = [LAMP.green, LAMP.yellow, LAMP.red] as const;
const delayMs = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 60 }) },
  { weight: 2, arbitrary: fc.integer({ min: 60, max: 450 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 6_000 }) },
);
const afterMs = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 500 }) },
  { weight: 1, arbitrary: fc.integer({ min: 500, max: 70_000 }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      afterMs,
      lagMs: fc.integer({ min: 0, max: LAG_MS }),
      delayMs,
      lost: fc.boolean(),
      repeatMs: fc.option(delayMs, { freq: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("lamp" as const),
      afterMs,
      state: fc.constantFrom(...STATES),
      mode: fc.constantFrom<SpatMode>("controlled", "controlled", "failure-display", "trip"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("subscribe" as const),
      afterMs,
      upMs: delayMs,
      delayMs,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("restart" as const),
      afterMs,
      bootMs: fc.integer({ min: 0, max: 100_000 }),
    }),
  },
);

/** Anything, after a first subscription of any length. */
export const steps: fc.Arbitrary<Step[]> = fc
  .tuple(
    fc.record({ kind: fc.constant("subscribe" as const), afterMs, upMs: delayMs, delayMs }),
    fc.array(step, { minLength: 1, maxLength: 40 }),
  )
  .map(([first, rest]) => [first, ...rest]);

interface Shown {
  readonly fromMs: number;
  readonly green: boolean;
}

interface Arrival {
  readonly atMs: number;
  readonly hand: (belief: JunctionBelief) => void;
}

/** The true lamp over time and everything that reaches the vehicle, in order. */
export class Street {
  readonly shown: Shown[] = [{ fromMs: Number.NEGATIVE_INFINITY, green: true }];
  readonly arrivals: Arrival[] = [];
  #nowMs = 0;
  #incarnation = 1;
  #sequence = 0;
  #bootMs = -5_000;
  readonly #pictures: {
    readonly madeMs: number;
    readonly state: LampCode;
    readonly mode: SpatMode;
  }[] = [{ madeMs: Number.NEGATIVE_INFINITY, state: LAMP.green, mode: "controlled" }];
  /** Where the stream to the vehicle has got to: nothing overtakes in it. */
  #streamMs = 0;
  #connected = false;

  constructor(taken: readonly Step[]) {
    for (const entry of taken) {
      this.#nowMs += entry.afterMs;
      this.#take(entry);
    }
  }

  get endMs(): number {
    return this.#nowMs;
  }

  /** True if the lamp was green under control at some moment from `fromMs` to `toMs`. */
  wasGreen(fromMs: number, toMs: number): boolean {
    return this.shown.some(({ fromMs: begins, green }, index) => {
      const ends = this.shown[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
      return green && begins <= toMs && ends >= fromMs;
    });
  }

  #take(entry: Step): void {
    if (entry.kind === "lamp") {
      const { state, mode } = entry;
      this.#pictures.push({ madeMs: this.#nowMs, state, mode });
      const green = state === LAMP.green && mode === "controlled";
      this.shown.push({ fromMs: this.#nowMs, green });
    } else if (entry.kind === "restart") {
      this.#connected = false;
      this.arrivals.push({ atMs: this.#streamMs, hand: (belief) => belief.disconnected() });
      this.#incarnation += 1;
      this.#sequence = 0;
      this.#bootMs = this.#nowMs - entry.bootMs;
    } else if (entry.kind === "subscribe") {
      this.#subscribe(entry.upMs, entry.delayMs);
    } else if (this.#connected) {
      const made = this.#picture(entry.lagMs);
      if (!entry.lost) this.#deliver(made, entry.delayMs);
      if (entry.repeatMs !== null) this.#deliver(made, entry.delayMs + entry.repeatMs);
    }
  }

  /** The node answers when the SUBSCRIBE has arrived: SUBACK, then a fresh message. */
  #subscribe(upMs: number, delayMs: number): void {
    // Anew only once the end of the old connection has arrived.
    const leftMs = this.#connected ? this.#nowMs : Math.max(this.#nowMs, this.#streamMs);
    let ask = 0;
    const asked = (belief: JunctionBelief): void => {
      ask = belief.asked(leftMs);
    };
    this.arrivals.push({ atMs: leftMs, hand: asked });
    this.#nowMs = leftMs + upMs;
    this.#connected = true;
    this.#streamMs = Math.max(this.#streamMs, this.#nowMs + delayMs);
    this.arrivals.push({ atMs: this.#streamMs, hand: (belief) => belief.granted(ask) });
    this.#deliver(this.#picture(0), delayMs);
  }

  #picture(lagMs: number): Spat {
    const madeMs = this.#nowMs - lagMs;
    const { state, mode } = this.#pictures.findLast((entry) => entry.madeMs <= madeMs) ?? {
      state: LAMP.red,
      mode: "controlled" as const,
    };
    this.#sequence += 1;
    const monoMs = madeMs - this.#bootMs;
    const incarnation = this.#incarnation;
    return spat({ incarnation, sequence: this.#sequence, monoMs, state, mode });
  }

  #deliver(message: Spat, delayMs: number): void {
    this.#streamMs = Math.max(this.#streamMs, this.#nowMs + delayMs);
    const atMs = this.#streamMs;
    this.arrivals.push({ atMs, hand: (belief) => belief.hear(message, atMs) });
  }
}
