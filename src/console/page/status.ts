// The top of the page: what stands, how far the page may be believed, and in one line whatever is
// not as it should be. Changes are announced once, in words.
import type { Belief, Picture } from "./picture.ts";
import { byId, setAttribute, setText } from "./svg.ts";
import { MODE_MEANING, MODE_WORDS } from "./words.ts";

/** How far the page may be believed, in a word or two. */
export function beliefText(belief: Belief, ageMs: number | null): string {
  const seconds = Math.max(1, Math.round((ageMs ?? 0) / 1000));
  const words: Readonly<Record<Belief, string>> = {
    waiting: "Connecting",
    live: "Live",
    stale: `Stale, ${seconds} s old`,
    unavailable: "Control silent",
    lost: `Lost for ${seconds} s, trying again`,
  };
  return words[belief];
}

/** One complaint in plain words, or null while all is well. */
export function complaint(picture: Picture, nowMs: number): string | null {
  const belief = picture.belief(nowMs);
  if (belief === "lost") {
    return "The connection to the node is lost. What the lamps show now is not known here.";
  }
  if (belief === "stale") {
    return "The node has sent nothing new. What the lamps show now is not known here.";
  }
  if (belief === "waiting") return null;
  const mode = picture.spat?.mode ?? "unavailable";
  if (mode !== "controlled") {
    const cause = picture.spat?.cause ?? null;
    return [MODE_MEANING[mode], cause === null ? "" : `Cause: ${cause}.`].join(" ").trim();
  }
  const parts = picture.health?.parts.filter(({ state }) => state !== "ok") ?? [];
  const lines = [
    ...(picture.spat?.preempts ?? []).map(({ preempt, state }) => `Preempt ${preempt}: ${state}.`),
    ...parts.map(({ name, text }) => `${name}: ${text}`),
  ];
  return lines.length === 0 ? null : lines.join(" · ");
}

export class Status {
  readonly #clock: Intl.DateTimeFormat;
  #announced = "";

  constructor(timezone: string) {
    this.#clock = new Intl.DateTimeFormat("en-GB", {
      timeZone: timezone,
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
  }

  update(picture: Picture, nowMs: number): void {
    const belief = picture.belief(nowMs);
    const mode = picture.spat?.mode ?? "unavailable";
    const known = belief === "live" || belief === "unavailable";
    setAttribute(byId("belief"), "data-belief", belief);
    setText(byId("belief-word"), beliefText(belief, picture.ageMs(nowMs)));
    setAttribute(byId("mode"), "data-mode", known ? mode : "unknown");
    setText(byId("mode-word"), known ? MODE_WORDS[mode] : "Not known");
    this.#banner(complaint(picture, nowMs), belief, mode);
    const wallMs = picture.wallMs(nowMs);
    const unsure = picture.spat?.clock === "unsure" ? " (clock unsure)" : "";
    setText(byId("clock"), wallMs === null ? "" : `${this.#clock.format(wallMs)}${unsure}`);
    this.#announceChange(belief, known ? MODE_WORDS[mode] : "");
  }

  #banner(text: string | null, belief: Belief, mode: string): void {
    const banner = byId("banner");
    const grave = mode === "trip" || mode === "failure-display" || belief === "lost";
    banner.hidden = text === null;
    setAttribute(banner, "data-grave", grave ? "" : null);
    setText(byId("banner-text"), text ?? "");
  }

  #announceChange(belief: Belief, mode: string): void {
    const plain: Readonly<Record<Belief, string>> = {
      waiting: "",
      live: `Live. ${mode}`,
      stale: "Stale: nothing new from the node",
      unavailable: "The control part of the node is silent",
      lost: "Connection lost, trying again",
    };
    const text = plain[belief];
    if (text === "" || text === this.#announced) return;
    this.#announced = text;
    announce(text);
  }
}

/** Says something to those who listen to the page. */
export function announce(text: string): void {
  setText(byId("announce"), text);
}
