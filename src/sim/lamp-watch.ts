// Follows what shines at one junction and asks the invariants about each change.
import type { SiteModel } from "../core/site/model.ts";
import type { LampMasks } from "../wire/frame-types.ts";
import type { Judge } from "./invariants/invariant.ts";
import {
  type ChannelCard,
  cardOf,
  type LampLook,
  lampsGoOn,
  noConflictingDisplay,
  noShortenedClearance,
  noShortenedMinimum,
  noShortenedYellow,
} from "./invariants/lamps.ts";

type Colour = "dark" | "red" | "yellow" | "green";

interface Head {
  readonly card: ChannelCard;
  colour: Colour;
  sinceMs: number;
  /** When it last ended to go: yellow over, walk over. */
  endedMs: number;
  goesSinceMs: number;
  /** Its yellow follows a green: it is no flash. */
  clears: boolean;
}

interface Doubt {
  readonly card: ChannelCard;
  readonly atMs: number;
  readonly forMs: number;
}

const NEVER = -1e9;
/** A dark red is part of a flash for so long. */
const FLASH_MS = 1_200;
/** Of an orderly stop, beside the clearances: two seconds of red, and what is measured late. */
const STOP_REST_MS = 6_000;
/** After a fault of the cabinet's own parts its lamps may change as they like for so long. */
const DISTURBED_MS = 3_000;

function colourOf({ red, yellow, green }: LampMasks, bit: number): Colour {
  if (green & bit) return "green";
  if (yellow & bit) return "yellow";
  return red & bit ? "red" : "dark";
}

export class LampWatch {
  readonly #who: string;
  readonly #judge: Judge;
  readonly #cards: readonly ChannelCard[];
  readonly #heads: readonly Head[];
  readonly #vehicles: readonly Head[];
  /** An orderly stop is over, and flashes, so long after its first yellow. */
  readonly #stopMs: number;
  readonly #isDisturbed: (withinMs: number) => boolean;
  readonly #relayDropped: () => boolean;
  readonly #lateMs: () => number;
  #doubts: Doubt[] = [];
  #going = 0;
  #flashMs = NEVER;
  /** Greens of vehicles since the beginning. */
  greens = 0;
  lastGreenMs = NEVER;

  constructor(
    who: string,
    site: SiteModel,
    judge: Judge,
    cabinet: {
      isDisturbed: (withinMs: number) => boolean;
      relayDropped: () => boolean;
      /** On wall time: by how much a frame may have been taken early or late, ms. */
      lateMs?: () => number;
    },
  ) {
    this.#who = who;
    this.#judge = judge;
    this.#cards = cardOf(site);
    this.#isDisturbed = cabinet.isDisturbed;
    this.#relayDropped = cabinet.relayDropped;
    this.#lateMs = cabinet.lateMs ?? (() => 0);
    this.#heads = this.#cards.map((card) => ({
      card,
      colour: "dark",
      sinceMs: 0,
      endedMs: NEVER,
      goesSinceMs: NEVER,
      clears: false,
    }));
    this.#vehicles = this.#heads.filter(({ card }) => card.isVehicle);
    const ends = this.#cards.map(({ timing }) => timing.yellowMs + timing.redClearanceMs);
    const walks = this.#cards.map(({ timing }) => timing.pedestrian?.clearanceMs ?? 0);
    this.#stopMs = Math.max(...ends) + Math.max(...walks) + STOP_REST_MS;
  }

  /** Something else shines since `atMs`. */
  change(lamps: LampMasks, atMs: number): void {
    this.#conflicts(lamps);
    for (const head of this.#heads) {
      const next = colourOf(lamps, head.card.bit);
      if (next !== head.colour) this.#turn(head, next, atMs);
    }
  }

  /** The failure display stands. */
  failing(nowMs: number): boolean {
    return nowMs - this.#flashMs < FLASH_MS;
  }

  /** Once a second. */
  look(nowMs: number, says: Pick<LampLook, "mode" | "cause">): void {
    let darkMs = 0;
    let allRedMs = Number.POSITIVE_INFINITY;
    for (const { colour, sinceMs } of this.#vehicles) {
      if (colour === "dark") darkMs = Math.max(darkMs, nowMs - sinceMs);
      allRedMs = colour === "red" ? Math.min(allRedMs, nowMs - sinceMs) : 0;
    }
    const failing = this.failing(nowMs);
    if (!this.#isDisturbed(DISTURBED_MS)) {
      this.#judge.ask(lampsGoOn, this.#who, { darkMs, allRedMs, failing, ...says });
    }
    this.#settleDoubts(nowMs);
  }

  #conflicts({ green, yellow }: LampMasks): void {
    let going = 0;
    for (const { bit, isVehicle } of this.#cards) {
      if ((isVehicle ? green | yellow : green) & bit) going |= bit;
    }
    if (going === this.#going) return;
    this.#going = going;
    this.#judge.ask(noConflictingDisplay, this.#who, this.#cards, going);
  }

  #turn(head: Head, next: Colour, atMs: number): void {
    const { colour, card } = head;
    const forMs = atMs - head.sinceMs;
    head.colour = next;
    head.sinceMs = atMs;
    if (card.isVehicle) this.#turnVehicle(head, { card, colour, next, forMs }, atMs);
    else this.#turnWalk(head, colour, next, atMs);
  }

  #turnVehicle(
    head: Head,
    shown: { card: ChannelCard; colour: Colour; next: Colour; forMs: number },
    atMs: number,
  ): void {
    const { colour, next, card, forMs } = shown;
    const free = this.#relayDropped() || this.#isDisturbed(DISTURBED_MS);
    if (colour === "green" || colour === "yellow") {
      const judged = colour === "green" || head.clears;
      if (judged && !free) this.#judge.ask(noShortenedYellow, this.#who, shown);
      if (colour === "green" && next === "yellow") this.#doubts.push({ card, atMs, forMs });
      if (next !== "yellow") head.endedMs = atMs;
    }
    head.clears = colour === "green" && next === "yellow";
    if (next === "dark") this.#flashMs = atMs;
    if (next === "green") this.#begin(head, atMs);
  }

  #turnWalk(head: Head, colour: Colour, next: Colour, atMs: number): void {
    if (colour === "green") {
      head.endedMs = atMs;
      this.#doubts.push({ card: head.card, atMs, forMs: atMs - head.goesSinceMs });
    }
    if (next === "green") this.#begin(head, atMs);
  }

  /** A head begins to go: whatever it crosses has ended long enough ago. */
  #begin(head: Head, atMs: number): void {
    head.goesSinceMs = atMs;
    if (head.card.isVehicle) {
      this.greens += 1;
      this.lastGreenMs = atMs;
    }
    for (const other of this.#heads) {
      if ((head.card.against & other.card.bit) === 0 || other.endedMs === NEVER) continue;
      const sinceMs = atMs - other.endedMs;
      this.#judge.ask(noShortenedClearance, this.#who, head.card, other.card, sinceMs);
    }
  }

  /** A green is judged when it is sure that no orderly stop, which may cut it, had begun. */
  #settleDoubts(nowMs: number): void {
    const due = this.#doubts.filter(({ atMs }) => nowMs - atMs >= this.#stopMs);
    if (due.length === 0) return;
    this.#doubts = this.#doubts.filter(({ atMs }) => nowMs - atMs < this.#stopMs);
    for (const { card, atMs, forMs } of due) {
      if (this.#flashMs >= atMs || this.#isDisturbed(2 * this.#stopMs)) continue;
      this.#judge.ask(noShortenedMinimum, this.#who, card, forMs + this.#lateMs());
    }
  }
}
