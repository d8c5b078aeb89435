// Signal heads: what a channel shows, by place and symbol first and by colour second. A head that
// nobody may believe shows no lamp and a question mark.
import type { Movement } from "../../core/site/model.ts";
import { walkSymbols } from "./icons.ts";
import type { LampName } from "./messages.ts";
import { setAttribute, setText, svg } from "./svg.ts";
import { STATE_WORDS, type VehicleLamp, vehicleLamp } from "./words.ts";

/** Housing and lamps in metres of the drawing: far larger than life, to be read from afar. */
const LAMP_R = 1.95;
const PITCH = 4.5;
export const HEAD_W = 5.6;
export const HEAD_H = 14.6;
export const WALK_SIZE = 6.2;

const LETTERS: Readonly<Record<VehicleLamp, string>> = {
  dark: "–",
  red: "R",
  yellow: "Y",
  green: "G",
  "flashing-red": "FR",
  "flashing-yellow": "FY",
};

const ARROW_FACES: Readonly<Record<Movement, string>> = {
  through: "",
  left: "M1.2 0H-1.1M-.2-.95-1.1 0-.2.95",
  right: "M-1.2 0H1.1M.2-.95 1.1 0 .2.95",
};

export interface Head {
  readonly element: SVGGElement;
  /** `lamp` null: not known. `flashing`: the failure display blinks it. `left`: text of its end. */
  show(lamp: LampName | null, flashing: boolean, left: string): void;
}

function lens(colour: string, y: number, movement: Movement): SVGGElement {
  const parts: SVGElement[] = [svg("circle", { r: LAMP_R, class: "lens" })];
  const face = ARROW_FACES[movement];
  if (face !== "") parts.push(svg("path", { d: face, class: "lens-arrow" }));
  return svg("g", { class: `lamp lamp-${colour}`, transform: `translate(0 ${y})` }, ...parts);
}

/** A head of three lamps with its phase number, drawn around its middle. */
export function vehicleHead(phase: number, channel: number, movement: Movement): Head {
  const letter = svg("text", { class: "head-letter", y: -HEAD_H / 2 - 1.2 });
  const unknown = svg("text", { class: "head-unknown", y: 1.2 }, "?");
  const title = svg("title");
  const element = svg(
    "g",
    { class: "head", "data-channel": channel, "data-phase": phase },
    title,
    svg("rect", {
      class: "housing",
      x: -HEAD_W / 2,
      y: -HEAD_H / 2,
      width: HEAD_W,
      height: HEAD_H,
      rx: 1.5,
    }),
    lens("red", -PITCH, movement),
    lens("yellow", 0, movement),
    lens("green", PITCH, movement),
    unknown,
    letter,
    svg("text", { class: "head-phase", y: HEAD_H / 2 + 3.6 }, String(phase)),
  );
  return {
    element,
    show(sensed, flashing, left) {
      const lamp = sensed === null ? null : vehicleLamp(sensed);
      setAttribute(element, "data-lamp", lamp ?? "unknown");
      setAttribute(element, "data-flashing", flashing ? "" : null);
      setText(letter, lamp === null ? "" : `${LETTERS[lamp]} ${left}`.trim());
      const words = lamp === null ? "not known" : STATE_WORDS[lamp].toLowerCase();
      setText(title, `Phase ${phase}: ${words}`);
    },
  };
}

/** A pedestrian head: walking person or raised hand, with its push button. */
export function walkHead(phase: number, channel: number): Head {
  const half = WALK_SIZE / 2;
  const count = svg("text", { class: "walk-count", y: half + 3.4 });
  const title = svg("title");
  const symbols = walkSymbols();
  const zoom = (WALK_SIZE - 0.9) / 24;
  symbols.setAttribute("transform", `scale(${zoom}) translate(-12 -12)`);
  const element = svg(
    "g",
    { class: "head walk-head", "data-channel": channel, "data-phase": phase },
    title,
    svg("rect", {
      class: "housing",
      x: -half,
      y: -half,
      width: WALK_SIZE,
      height: WALK_SIZE,
      rx: 1.1,
    }),
    symbols,
    svg("text", { class: "head-unknown", y: 1.2 }, "?"),
    svg("circle", { class: "button", cx: half + 0.1, cy: half + 0.1, r: 1.15 }),
    count,
  );
  return {
    element,
    show(lamp, flashing, left) {
      setAttribute(element, "data-lamp", lamp ?? "unknown");
      setAttribute(element, "data-flashing", flashing ? "" : null);
      setText(count, left);
      setText(title, `Walk with phase ${phase}: ${walkWord(lamp)}`);
    },
  };
}

/** What a pedestrian head says, in words. */
export function walkWord(lamp: LampName | null): string {
  const words: Partial<Record<LampName, string>> = {
    green: "walk",
    "flashing-dont-walk": "clearing",
    red: "don't walk",
    dark: "dark",
  };
  return lamp === null ? "not known" : (words[lamp] ?? lamp);
}
