// Traffic-like displays for the test junction: a lawful cycle with random greens, calls and rests,
// decided on the host's 50 ms ticks as the node does. Not the product's controller: the simplest
// thing that keeps link, interlock and cabinet busy for a day.
import type { Display } from "../../src/core/site/lamps.ts";
import { show } from "../interlock/junction.ts";

/** A small generator of its own, so that a run can be repeated. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

type Step = readonly [text: string, ms: number];

const YELLOW_MS = 3000;
const RED_MS = 1000;
const WALK_MS = 7000;
const CLEARANCE_MS = 8000;

/** Main street: through both ways, or with the left turn first; sometimes with people. */
function mainStreet(random: () => number): Step[] {
  const greenMs = 5000 + Math.floor(random() * 600) * 50;
  const left: Step[] =
    random() < 0.3
      ? [
          ["GGRR RR", 5000 + Math.floor(random() * 100) * 50],
          ["GYRR RR", YELLOW_MS],
          ["GRRR RR", RED_MS],
        ]
      : [];
  const people: Step[] =
    random() < 0.4
      ? [
          ["GRGR GR", WALK_MS],
          ["GRGR FR", CLEARANCE_MS],
        ]
      : [];
  return [...left, ...people, ["GRGR RR", greenMs], ["YRYR RR", YELLOW_MS], ["RRRR RR", RED_MS]];
}

function crossStreet(random: () => number): Step[] {
  const people: Step[] =
    random() < 0.4
      ? [
          ["RRRG RG", WALK_MS],
          ["RRRG RF", CLEARANCE_MS],
        ]
      : [];
  const greenMs = 5000 + Math.floor(random() * 300) * 50;
  return [...people, ["RRRG RR", greenMs], ["RRRY RR", YELLOW_MS], ["RRRR RR", RED_MS]];
}

/**
 * What a controller would ask for, as a function of host time that never goes back. Times run from
 * the step at which they were begun, so a late tick never shortens one.
 */
export function traffic(seed: number): (nowMs: number, startMs: number) => Display {
  const random = randomFrom(seed);
  let plan: Step[] = [];
  let began = -1;
  let beganMs = 0;
  let display = show("RRRR RR");
  let lastsMs = 0;
  return (nowMs, startMs) => {
    if (began !== startMs) {
      began = startMs;
      plan = [["RRRR RR", 6000]];
      beganMs = startMs;
      lastsMs = 0;
    }
    if (nowMs - beganMs < lastsMs) return display;
    if (plan.length === 0) plan = [...mainStreet(random), ...crossStreet(random)];
    const [text, ms] = plan.shift() ?? ["RRRR RR", RED_MS];
    beganMs = nowMs;
    lastsMs = ms;
    display = show(text);
    return display;
  };
}
