// The time-space diagram: time to the right, the street upwards, now at the right edge. At each
// stop line the colours that traffic saw, between them the ways of the virtual street's vehicles.
// Drawn on a canvas: thousands of points, twice a second.
import type { StreetPlan, Way } from "./corridor-place.ts";
import type { History } from "./history.ts";
import type { Member } from "./member.ts";
import { alongStreet, joined, type StreetWay } from "./street-ways.ts";
import { html } from "./svg.ts";

/** A bar's thickness and its distance from the middle of the junction, px. */
const [BAR, BAR_OFF] = [5, 2];
const AXIS = 22;
/** Time shown: so many pixels for a second, within these bounds. */
const [PX_PER_S, SHORTEST_S, LONGEST_S] = [4.5, 60, 240];
const DASH = 30_000;

export interface SpaceScale {
  /** Height of the drawing, px. */
  readonly height: number;
  /** Distance along the street in m to px from the top. */
  readonly y: (atM: number) => number;
}

interface Paint {
  readonly ink: string;
  readonly rule: string;
  readonly go: string;
  readonly caution: string;
  readonly halt: string;
  readonly ahead: string;
  readonly back: string;
  readonly gap: string;
}

interface Frame {
  readonly context: CanvasRenderingContext2D;
  readonly paint: Paint;
  readonly scale: SpaceScale;
  readonly nowMs: number;
  readonly fromMs: number;
  readonly x: (atMs: number) => number;
}

function paintOf(element: Element): Paint {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(`--space-${name}`).trim();
  return {
    ink: colour("ink"),
    rule: colour("rule"),
    go: colour("go"),
    caution: colour("caution"),
    halt: colour("halt"),
    ahead: colour("ahead"),
    back: colour("back"),
    gap: colour("gap"),
  };
}

export class Space {
  readonly element: HTMLCanvasElement = html("canvas", {
    class: "space-canvas",
    role: "img",
    "aria-label": "Time-space diagram of the last minutes, newest at the right",
  });
  readonly #clock: Intl.DateTimeFormat;
  #width = 300;

  constructor(timezone: string) {
    this.#clock = new Intl.DateTimeFormat("en-GB", {
      timeZone: timezone,
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
  }

  resize(width: number): void {
    this.#width = Math.max(120, Math.floor(width));
  }

  draw(members: readonly Member[], plan: StreetPlan, scale: SpaceScale, nowMs: number): void {
    const context = this.#clean(scale.height + AXIS);
    if (context === null) return;
    const seconds = Math.min(LONGEST_S, Math.max(SHORTEST_S, this.#width / PX_PER_S));
    const fromMs = nowMs - seconds * 1_000;
    const x = (atMs: number): number => ((atMs - fromMs) / (seconds * 1_000)) * this.#width;
    const frame = { context, paint: paintOf(this.element), scale, nowMs, fromMs, x };
    this.#axis(frame);
    const streetWays = [...waysOf(members, plan)];
    context.save();
    context.beginPath();
    context.rect(0, 0, this.#width, scale.height);
    context.clip();
    for (const way of joined(streetWays)) drawWay(frame, way);
    context.restore();
    for (const { index, atM, ahead, back } of plan.places) {
      const history = members[index]?.history;
      if (history === null || history === undefined) continue;
      drawBar(frame, history, ahead, scale.y(atM) + BAR_OFF);
      drawBar(frame, history, back, scale.y(atM) - BAR_OFF - BAR);
    }
  }

  /** Sized to the pixels of the screen, and empty. */
  #clean(height: number): CanvasRenderingContext2D | null {
    const ratio = window.devicePixelRatio || 1;
    const { element } = this;
    const [wide, high] = [Math.round(this.#width * ratio), Math.round(height * ratio)];
    if (element.width !== wide || element.height !== high) {
      element.width = wide;
      element.height = high;
    }
    const context = element.getContext("2d");
    context?.setTransform(ratio, 0, 0, ratio, 0, 0);
    context?.clearRect(0, 0, this.#width, height);
    return context;
  }

  #axis({ context, paint, scale, nowMs, fromMs, x }: Frame): void {
    context.strokeStyle = paint.rule;
    context.fillStyle = paint.ink;
    context.lineWidth = 1;
    context.font = "12px system-ui, sans-serif";
    context.textAlign = "center";
    for (let at = Math.ceil(fromMs / DASH) * DASH; at <= nowMs; at += DASH) {
      context.beginPath();
      context.moveTo(Math.round(x(at)) + 0.5, 0);
      context.lineTo(Math.round(x(at)) + 0.5, scale.height);
      context.stroke();
      const fits = x(at) > 30 && x(at) < this.#width - 60;
      const wide = this.#width > 480 || at % (2 * DASH) === 0;
      if (fits && wide) context.fillText(this.#clock.format(at), x(at), scale.height + 15);
    }
    context.textAlign = "right";
    context.fillText("now", this.#width - 2, scale.height + 15);
  }
}

/** What the members' streets saw of those who drive the street. */
function* waysOf(members: readonly Member[], plan: StreetPlan): Generator<StreetWay> {
  for (const { index, atM, ahead, back } of plan.places) {
    for (const { approach, id, points } of members[index]?.trajectories.all ?? []) {
      if (approach === ahead?.approach) yield alongStreet(id, points, atM, "ahead");
      else if (approach === back?.approach) yield alongStreet(id, points, atM, "back");
    }
  }
}

function drawWay(frame: Frame, { way, points }: StreetWay): void {
  const { context, paint, scale, fromMs, x } = frame;
  const last = points.at(-1);
  if (last === undefined || last.atMs < fromMs || points.length < 2) return;
  context.strokeStyle = paint[way];
  context.lineWidth = 1;
  context.beginPath();
  for (const [index, { atMs, streetM }] of points.entries()) {
    const y = scale.y(streetM);
    if (index === 0) context.moveTo(x(atMs), y);
    else context.lineTo(x(atMs), y);
  }
  context.stroke();
}

/** Red all along, and over it what was green or yellow; nothing where nobody knows. */
function drawBar(frame: Frame, history: History, way: Way | null, top: number): void {
  const { context, paint, nowMs, fromMs, x } = frame;
  const phase = way === null ? undefined : history.phases.get(way.phase);
  if (phase === undefined) return;
  const box = (from: number, to: number | null, colour: string): void => {
    const [left, right] = [x(Math.max(from, fromMs)), x(Math.min(to ?? nowMs, nowMs))];
    if (right <= left) return;
    context.fillStyle = colour;
    context.fillRect(left, top, right - left, BAR);
  };
  const known = phase.lamps[0]?.fromMs ?? nowMs;
  box(known, nowMs, paint.halt);
  for (const { kind, fromMs: from, toMs } of phase.lamps) {
    if (kind === "green") box(from, toMs, paint.go);
    else if (kind === "yellow") box(from, toMs, paint.caution);
  }
  for (const gap of history.gaps) box(gap.fromMs, gap.toMs, paint.gap);
}
