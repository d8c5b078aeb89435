// What is believed of one junction: its newest SPaT, as long as it may be believed.
//
// A picture holds `validForMs` from when it was made, by the sender's monotonic stamp carried over
// to this clock (`channel.ts`), less the channel's slack: so never longer than `validForMs` from
// receipt, and shorter by what the transport held it back. Green is believed only of a controlled
// junction, by the sensed lamp, until the latest end that the node itself gave.
import { LAMP, type LampCode } from "../core/site/lamps.ts";
import type { Spat, SpatMode, SpatPhase } from "../wire/spat.ts";
import { Channel } from "./channel.ts";

export type Light = "green" | "yellow" | "red" | "unknown";

/**
 * Why a light is unknown: nothing heard; too old; the channel's delay unproven; no such phase, or
 * none known of the approach yet; past its own latest end; dark or flashing under control; left
 * the zone; else the mode that the node is in.
 */
export type Doubt =
  | "not-heard"
  | "expired"
  | "unproven"
  | "no-phase"
  | "overdue"
  | "not-lit"
  | "left-zone"
  | Exclude<SpatMode, "controlled">;

/** Belief in one phase at one moment. Ends are of the present light, ms from that moment. */
export interface PhaseBelief {
  readonly light: Light;
  /** Null unless the light is unknown. */
  readonly doubt: Doubt | null;
  /** How old the picture is, ms; null without one. */
  readonly ageMs: number | null;
  readonly earliestMs: number | null;
  readonly likelyMs: number | null;
  readonly latestMs: number | null;
}

/** What became of a message; all but `taken` are counted. */
export type Hearing = "taken" | "repeat" | "old-incarnation" | "old-sequence";

/** No node of ours says more than 1,000; a typing error elsewhere must not make a green eternal. */
const MAX_VALID_MS = 5_000;

const LIGHTS: Readonly<Partial<Record<LampCode, Light>>> = {
  [LAMP.green]: "green",
  [LAMP.yellow]: "yellow",
  [LAMP.red]: "red",
};

export function unknownLight(doubt: Doubt, ageMs: number | null = null): PhaseBelief {
  return { light: "unknown", doubt, ageMs, earliestMs: null, likelyMs: null, latestMs: null };
}

export class JunctionBelief {
  readonly #channel = new Channel();
  readonly #counts: Record<Hearing, number> = {
    taken: 0,
    repeat: 0,
    "old-incarnation": 0,
    "old-sequence": 0,
  };
  #spat: Spat | null = null;
  /** What was answered last: a decision asks the same several times. */
  #last: { readonly phase: number; readonly nowMs: number; readonly belief: PhaseBelief } | null =
    null;
  #absence: Doubt = "not-heard";
  /** Order of the newest message, also after its picture was dropped. */
  #incarnation = -1;
  #sequence = -1;

  /** Messages by what became of them. */
  get counts(): Readonly<Record<Hearing, number>> {
    return this.#counts;
  }

  /** A SUBSCRIBE for this junction's `spat` has left; its number, for `granted`. */
  asked(nowMs: number): number {
    this.#last = null;
    return this.#channel.asked(nowMs);
  }

  /** The SUBACK of that SUBSCRIBE has come. */
  granted(ask: number): void {
    this.#last = null;
    this.#channel.granted(ask);
  }

  /** The connection is gone; what was heard runs out by itself. */
  disconnected(): void {
    this.#last = null;
    this.#channel.lost();
  }

  /** A subscription should be timed (again): `asked`, `granted`, then what comes. */
  wantsProof(nowMs: number): boolean {
    return this.#channel.wantsProof(nowMs);
  }

  /** Nothing is believed until the next message. */
  drop(doubt: Doubt): void {
    this.#last = null;
    this.#spat = null;
    this.#absence = doubt;
  }

  /** One message in the order of receipt, at `nowMs` of this clock. */
  hear(spat: Spat, nowMs: number): Hearing {
    this.#last = null;
    const hearing = this.#judge(spat);
    this.#counts[hearing] += 1;
    if (hearing === "old-incarnation" || hearing === "old-sequence") return hearing;
    if (spat.mode !== "unavailable") this.#channel.sample(spat.monoMs, nowMs);
    if (hearing === "taken") this.#spat = spat;
    return hearing;
  }

  #judge(spat: Spat): Hearing {
    const { incarnation, sequence, mode } = spat;
    // A service that has not heard its control yet knows no number, and withdraws all the same.
    if (mode === "unavailable" && incarnation === 0) return "taken";
    if (incarnation < this.#incarnation) return "old-incarnation";
    if (incarnation > this.#incarnation) {
      this.#channel.forget();
    } else if (sequence < this.#sequence) {
      return "old-sequence";
    } else if (sequence === this.#sequence && mode !== "unavailable") {
      return "repeat";
    }
    this.#incarnation = incarnation;
    this.#sequence = sequence;
    return "taken";
  }

  /** Age of the picture by the channel's floor, ms. */
  #ageMs(spat: Spat, nowMs: number): number | null {
    const floorMs = this.#channel.floorMs();
    return floorMs === null ? null : Math.max(0, nowMs - spat.monoMs - floorMs);
  }

  #holdsMs(spat: Spat, slackMs: number): number {
    return Math.min(spat.validForMs, MAX_VALID_MS) - slackMs;
  }

  /** What is believed of a phase at `nowMs`. */
  of(phase: number, nowMs: number): PhaseBelief {
    const last = this.#last;
    if (last?.phase === phase && last.nowMs === nowMs) return last.belief;
    const belief = this.#judgePhase(phase, nowMs);
    this.#last = { phase, nowMs, belief };
    return belief;
  }

  #judgePhase(phase: number, nowMs: number): PhaseBelief {
    const spat = this.#spat;
    if (spat === null) return unknownLight(this.#absence);
    if (spat.mode !== "controlled") return unknownLight(spat.mode);
    const slackMs = this.#channel.slackMs(nowMs);
    const ageMs = this.#ageMs(spat, nowMs);
    if (slackMs === null || ageMs === null) return unknownLight("unproven", ageMs);
    if (ageMs >= this.#holdsMs(spat, slackMs)) return unknownLight("expired", ageMs);
    const found = spat.phases.find((entry) => entry.phase === phase);
    if (found === undefined || found.state === null) return unknownLight("no-phase", ageMs);
    return phaseBelief(found, ageMs, slackMs);
  }

  /** When belief in a phase next changes without a message; null where time changes nothing. */
  changesAtMs(phase: number, nowMs: number): number | null {
    const belief = this.of(phase, nowMs);
    const [spat, slackMs] = [this.#spat, this.#channel.slackMs(nowMs)];
    const provenMs = this.#channel.provenUntilMs();
    if (belief.light === "unknown" || spat === null || slackMs === null) return null;
    const leftMs = this.#holdsMs(spat, slackMs) - (belief.ageMs ?? 0);
    const lasts = belief.light === "red" ? null : belief.latestMs;
    const untilMs = nowMs + Math.min(leftMs, lasts ?? leftMs);
    return provenMs === null ? untilMs : Math.min(untilMs, provenMs);
  }
}

/** A green that rests until somebody calls: the node gives an earliest end and no likely one. */
export function rests({ light, earliestMs, likelyMs }: PhaseBelief): boolean {
  return light === "green" && earliestMs !== null && likelyMs === null;
}

function phaseBelief(found: SpatPhase, ageMs: number, slackMs: number): PhaseBelief {
  const light = LIGHTS[found.state ?? LAMP.dark];
  if (light === undefined) return unknownLight("not-lit", ageMs);
  // The light's end as it may look from here: right of way never longer, a red never shorter.
  const towards = (endMs: number | null, pessimismMs: number) =>
    endMs === null ? null : Math.max(0, endMs - ageMs - pessimismMs);
  const goes = light !== "red";
  const latestMs = towards(found.latestMs, goes ? slackMs : 0);
  if (goes && latestMs === 0) return unknownLight("overdue", ageMs);
  return {
    light,
    doubt: null,
    ageMs,
    earliestMs: towards(found.earliestMs, slackMs),
    likelyMs: towards(found.likelyMs, goes ? slackMs : 0),
    latestMs,
  };
}
