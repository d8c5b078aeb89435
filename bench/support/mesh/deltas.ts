// The deltas that the benches send: a phase takes its next display, its predicted end says which
// delta it was. They go round over links and phases, so that at 1,000 a second over one link each
// phase changes every 8 ms.
import type { ControlView, PhaseView } from "../../../src/core/site/view.ts";
import type { Key, Plain } from "../../../src/core/state/value.ts";
import { PHASE_DISPLAYS } from "../../../src/mesh/told-phases.ts";
import { restingPhase, restingView } from "../../../test/support/views.ts";

export const PHASES = 8;
const DETECTORS = 12;
/** All but the last, which is `unknown`. */
const SHOWN = PHASE_DISPLAYS.length - 1;

/** Of delta `number`, where there are so many links. */
export interface Delta {
  readonly link: number;
  /** From 1 on. */
  readonly phase: number;
  /** Place in `PHASE_DISPLAYS`. */
  readonly display: number;
}

export function deltaOf(number: number, links: number): Delta {
  const change = Math.floor(number / links);
  const display = Math.floor(change / PHASES) % SHOWN;
  return { link: number % links, phase: 1 + (change % PHASES), display };
}

function emptyView(wallMs: number): ControlView {
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
  const detectors = numbers(DETECTORS).map((detector) => ({ detector, on: false, failed: null }));
  return restingView({ wallMs, phases: numbers(PHASES).map(restingPhase), detectors });
}

/** Whole pictures of junctions as a control thread makes them, one for each delta. */
export class Views {
  readonly #links: number;
  readonly #views: ControlView[];

  /** Predicted ends count from `wallMs`. */
  constructor(links: number, wallMs: number) {
    this.#links = links;
    this.#views = Array.from({ length: links }, () => emptyView(wallMs));
  }

  next(number: number): { readonly link: number; readonly view: ControlView } {
    const { link, phase, display } = deltaOf(number, this.#links);
    const before = this.#views[link];
    if (before === undefined) throw new Error(`no link ${link}`);
    const state = PHASE_DISPLAYS[display] as PhaseView["state"];
    const phases = before.phases.map((one) =>
      one.phase === phase ? { ...one, state, likelyEndMs: number } : one,
    );
    const view = { ...before, sequence: before.sequence + 1, phases };
    this.#views[link] = view;
    return { link, view };
  }
}

/** Deltas and when they were there, by the shared clock. */
export interface Applied {
  readonly numbers: Float64Array;
  readonly atMs: Float64Array;
}

/**
 * When each delta was applied: its phase shows it, or one made after it, for what a newer delta
 * has replaced is not sent again.
 */
export class Arrivals {
  readonly #links: number;
  readonly #wallMs: number;
  /** Highest delta by link and phase. */
  readonly #newest: Float64Array;
  #numbers: number[] = [];
  #atMs: number[] = [];

  constructor(links: number, wallMs: number) {
    this.#links = links;
    this.#wallMs = wallMs;
    this.#newest = new Float64Array(links * PHASES).fill(Number.NaN);
  }

  /** What the phases of a link's other end show at `atMs`. */
  look(link: number, phases: readonly (readonly [Key, Plain])[], atMs: number): void {
    for (const [key, value] of phases) {
      if (typeof key !== "number" || !Array.isArray(value)) continue;
      const number = Number(value[1] ?? Number.NaN) - this.#wallMs;
      if (!Number.isNaN(number)) this.#arrived(link, key, number, atMs);
    }
  }

  #arrived(link: number, phase: number, number: number, atMs: number): void {
    const place = link * PHASES + phase - 1;
    const step = this.#links * PHASES;
    const known = this.#newest[place] ?? Number.NaN;
    const first = Number.isNaN(known) ? link + (phase - 1) * this.#links : known + step;
    for (let one = first; one <= number; one += step) {
      this.#numbers.push(one);
      this.#atMs.push(atMs);
    }
    if (!(number <= known)) this.#newest[place] = number;
  }

  /** All since the last call. */
  collect(): Applied {
    const applied = {
      numbers: Float64Array.from(this.#numbers),
      atMs: Float64Array.from(this.#atMs),
    };
    this.#numbers = [];
    this.#atMs = [];
    return applied;
  }
}
