// The phases as cards in the order they are served: a row for each ring, a column for each place,
// a barrier between groups. Each card says in words what its heads show and when that ends.

import { walkWord } from "./heads.ts";
import { movementIcon, pedestrianIcon, vehicleIcon } from "./icons.ts";
import type { LampName, SpatPhase } from "./messages.ts";
import type { Picture } from "./picture.ts";
import { channelOf, type Site, type SitePhase } from "./site.ts";
import { html, setAttribute, setText } from "./svg.ts";
import { END_MEANING, END_WORDS, STATE_WORDS, vehicleLamp } from "./words.ts";

/** The end of the band's scale: ends beyond it lie at its edge. */
const BAND_S = 60;
/** Ends that lie nearer together than this are one. */
const SURE_MS = 400;

interface Card {
  readonly phase: SitePhase;
  readonly vehicle: number | null;
  readonly pedestrian: number | null;
  readonly element: HTMLElement;
  readonly state: HTMLElement;
  readonly left: HTMLElement;
  readonly range: HTMLElement;
  readonly band: HTMLElement;
  /** Why its last green ended: all of it, and the word. */
  readonly last: HTMLElement;
  readonly ended: HTMLElement;
  readonly walk: HTMLElement;
}

function walkCall(): HTMLElement {
  return html("span", { class: "call call-walk", title: "pedestrian call" }, pedestrianIcon());
}

function cardOf(site: Site, phase: SitePhase, why: (phase: number) => void): Card {
  const heading = site.approaches.find(({ id }) => id === phase.approach)?.headingDeg ?? 0;
  const state = html("span", { class: "phase-state" });
  const left = html("span", { class: "phase-left" });
  const range = html("span", { class: "phase-range" });
  const band = html("div", { class: "band", "aria-hidden": "true" }, html("i"), html("b"));
  const walk = html("span", { class: "phase-walk" });
  const ended = html("span");
  const prefix = html("span", { class: "phase-last" }, "last: ");
  const last = html("span", { class: "phase-ended" }, prefix, ended);
  const ask = html(
    "button",
    {
      type: "button",
      class: "quiet-why phase-why",
      "aria-label": `Why does phase ${phase.phase} show this?`,
    },
    "why?",
  );
  ask.addEventListener("click", () => why(phase.phase));
  const element = html(
    "div",
    {
      class: "phase",
      "data-phase": phase.phase,
      role: "group",
      "aria-label": `Phase ${phase.phase}`,
    },
    html(
      "div",
      { class: "phase-top" },
      html("span", { class: "phase-number" }, String(phase.phase)),
      movementIcon(phase.movement, heading),
      html(
        "span",
        { class: "phase-calls" },
        html("span", { class: "call call-vehicle", title: "vehicle call" }, vehicleIcon()),
        ...(phase.pedestrian === null ? [] : [walkCall()]),
      ),
      ask,
    ),
    html("div", { class: "phase-name" }, phase.name),
    html("div", { class: "phase-now" }, html("i", { class: "dot" }), state, left),
    band,
    html("div", { class: "phase-foot" }, range, walk, last),
  );
  return {
    phase,
    vehicle: channelOf(site, phase.phase, "vehicle"),
    pedestrian: channelOf(site, phase.phase, "pedestrian"),
    element,
    state,
    left,
    range,
    band,
    walk,
    last,
    ended,
  };
}

export class Rings {
  readonly element: HTMLElement;
  readonly #cards: readonly Card[];

  /** `why` is told the phase whose card somebody asks. */
  constructor(site: Site, why: (phase: number) => void) {
    const cards: Card[] = [];
    const groups = site.sequence.map((rings) => {
      const rows = rings.map((phases) => {
        const own = phases.flatMap((number) => {
          const phase = site.phases.find((entry) => entry.phase === number);
          return phase === undefined ? [] : [cardOf(site, phase, why)];
        });
        cards.push(...own);
        return html("div", { class: "ring" }, ...own.map(({ element }) => element));
      });
      const group = html("div", { class: "group" }, ...rows);
      // A group takes room by its longest ring.
      const longest = Math.max(1, ...rings.map((phases) => phases.length));
      group.style.setProperty("--places", String(longest));
      return group;
    });
    this.#cards = cards;
    this.element = html("div", { class: "rings" }, ...groups);
  }

  update(picture: Picture, nowMs: number): void {
    for (const card of this.#cards) {
      const lamp = picture.lamp(card.vehicle, nowMs);
      const walk = picture.lamp(card.pedestrian, nowMs);
      showCard(card, { lamp, walk, phase: picture.phase(card.phase.phase, nowMs) });
    }
  }
}

interface Shown {
  readonly lamp: LampName | null;
  readonly walk: LampName | null;
  readonly phase: SpatPhase | null;
}

function showCard(card: Card, { lamp, walk, phase }: Shown): void {
  const shown = lamp === null ? null : vehicleLamp(lamp);
  setAttribute(card.element, "data-lamp", shown ?? "unknown");
  setAttribute(card.element, "data-call", phase?.call === true ? "" : null);
  setAttribute(card.element, "data-walk-call", phase?.pedestrianCall === true ? "" : null);
  setText(card.state, shown === null ? "Not known" : STATE_WORDS[shown]);
  setText(card.left, leftText(lamp, phase));
  setText(card.range, rangeText(phase));
  showBand(card.band, phase);
  setAttribute(card.walk, "data-walk", walk);
  const walks = walk === "green" || walk === "flashing-dont-walk";
  setText(card.walk, walks ? walkWord(walk) : "");
  const ended = walks ? null : (phase?.ended ?? null);
  card.last.hidden = ended === null;
  setText(card.ended, ended === null ? "" : (END_WORDS[ended] ?? ended));
  setAttribute(card.last, "title", ended === null ? null : (END_MEANING[ended] ?? null));
}

/** Whole seconds until the present display ends, "≈" where it is an expectation. */
export function leftText(lamp: LampName | null, phase: SpatPhase | null): string {
  if (phase === null) return "";
  const { earliestMs, likelyMs, latestMs } = phase;
  if (likelyMs === null) return lamp === "green" && earliestMs !== null ? "rests" : "";
  const sure =
    earliestMs !== null && latestMs !== null && Math.abs(latestMs - earliestMs) < SURE_MS;
  return `${sure ? "" : "≈ "}${Math.ceil(likelyMs / 1000)} s`;
}

function rangeText(phase: SpatPhase | null): string {
  if (phase === null || phase.earliestMs === null) return "";
  const from = Math.ceil(phase.earliestMs / 1000);
  if (phase.latestMs === null) return `from ${from} s`;
  const to = Math.ceil(phase.latestMs / 1000);
  return from === to ? "" : `${from}–${to} s`;
}

function share(timeMs: number): string {
  return `${Math.min(100, (timeMs / 1000 / BAND_S) * 100).toFixed(1)}%`;
}

/** From the earliest to the latest end, with a mark at the likely one. */
function showBand(band: HTMLElement, phase: SpatPhase | null): void {
  const known = phase !== null && phase.earliestMs !== null;
  const likely = known && phase.likelyMs !== null;
  setAttribute(band, "data-known", known ? "" : null);
  setAttribute(band, "data-likely", likely ? "" : null);
  if (!known || phase.earliestMs === null) return;
  band.style.setProperty("--from", share(phase.earliestMs));
  band.style.setProperty("--to", share(phase.latestMs ?? BAND_S * 1000));
  band.style.setProperty("--likely", share(phase.likelyMs ?? phase.earliestMs));
}
