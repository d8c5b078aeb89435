// Random inputs for a random site, and the loop that plays them in virtual time.
import fc from "fast-check";
import type {
  SignalController,
  SignalEffect,
  SignalInput,
} from "../../src/core/signal/controller.ts";
import type { SiteModel } from "../../src/core/site/model.ts";

/** One thing that somebody does, `gapMs` after the one before. */
export interface Deed {
  readonly gapMs: number;
  readonly kind: "detector" | "button" | "preempt" | "call" | "walk" | "rare" | "plan" | "priority";
  readonly which: number;
}

const GAP = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 3000 }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 15_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 120_000 }) },
);

const KIND = fc.oneof(
  { weight: 24, arbitrary: fc.constant("detector" as const) },
  { weight: 6, arbitrary: fc.constant("button" as const) },
  { weight: 2, arbitrary: fc.constant("preempt" as const) },
  { weight: 2, arbitrary: fc.constant("call" as const) },
  { weight: 2, arbitrary: fc.constant("walk" as const) },
  { weight: 1, arbitrary: fc.constant("rare" as const) },
  { weight: 1, arbitrary: fc.constant("plan" as const) },
  { weight: 1, arbitrary: fc.constant("priority" as const) },
);

export const scriptArbitrary: fc.Arbitrary<Deed[]> = fc.array(
  fc.record({ gapMs: GAP, kind: KIND, which: fc.nat(31) }),
  { minLength: 5, maxLength: 90, size: "max" },
);

/** Turns deeds into inputs: detectors, buttons and preempts go on and off in turn. */
class Actor {
  private readonly site: SiteModel;
  private readonly on = new Set<string>();

  constructor(site: SiteModel) {
    this.site = site;
  }

  inputs({ kind, which }: Deed, atMs: number): SignalInput[] {
    const { detectors, pedestrianDetectors, preempts } = this.site;
    switch (kind) {
      case "detector": {
        const detector = detectors[which % detectors.length]?.detector;
        return detector === undefined ? [] : [this.toggle({ kind: "detector", detector })];
      }
      case "button": {
        const detector = pedestrianDetectors[which % pedestrianDetectors.length]?.detector;
        if (detector === undefined) return [];
        return [this.toggle({ kind: "pedestrian-detector", detector })];
      }
      case "preempt": {
        const preempt = preempts[which % preempts.length]?.preempt;
        return preempt === undefined ? [] : [this.toggle({ kind: "preempt", preempt })];
      }
      case "rare":
        return this.rare(which);
      case "plan":
        return this.plan(which);
      case "priority":
        return this.priority(which, atMs);
      default:
        return this.call(which, kind === "walk");
    }
  }

  private call(which: number, pedestrian: boolean): SignalInput[] {
    const found = this.site.phases[which % this.site.phases.length];
    if (found === undefined || (pedestrian && found.pedestrian === null)) return [];
    return [{ kind: "call", phase: found.phase, pedestrian }];
  }

  /** A plan at an epoch of its own, free operation, or a clock that is not sure. */
  private plan(which: number): SignalInput[] {
    const { plans } = this.site;
    const found = plans?.[which % plans.length]?.plan;
    if (found === undefined) return [];
    if (which === 30) return [{ kind: "plan", plan: "free", epochMs: null }];
    return [{ kind: "plan", plan: found, epochMs: which === 31 ? null : which * 3700 }];
  }

  /** A vehicle up to 28 s away that needs some seconds; some requests are taken back. */
  private priority(which: number, atMs: number): SignalInput[] {
    const { phases } = this.site;
    const phase = phases[which % phases.length]?.phase;
    if (phase === undefined) return [];
    const arrivalMs = atMs + (which % 8) * 4000;
    const departMs = which > 28 ? atMs : arrivalMs + 3000 + which * 500;
    return [{ kind: "priority", request: which % 3, phase, arrivalMs, departMs }];
  }

  private rare(which: number): SignalInput[] {
    const detector = this.site.detectors[which % this.site.detectors.length]?.detector;
    if (which < 8) return [{ kind: "inputs-lost" }];
    if (which < 20) return [{ kind: "inputs-restored" }];
    if (which < 26) return detector === undefined ? [] : [{ kind: "detector-silent", detector }];
    return [{ kind: "halt", cause: "test" }, { kind: "start" }];
  }

  private toggle(
    input:
      | { kind: "detector"; detector: number }
      | { kind: "pedestrian-detector"; detector: number }
      | { kind: "preempt"; preempt: number },
  ): SignalInput {
    const name = JSON.stringify(input);
    const on = !this.on.has(name);
    if (on) this.on.add(name);
    else this.on.delete(name);
    return { ...input, on };
  }
}

export interface Watcher {
  before(input: SignalInput, atMs: number): void;
  after(effects: readonly SignalEffect[], controller: SignalController, atMs: number): void;
}

/** A site with plans begins under one of them. */
const FIRST_PLAN: Deed = { gapMs: 0, kind: "plan", which: 0 };

const TICK_MS = 50;
const AFTERMATH_MS = 120_000;

/** Somebody who may put in something after every tick. */
export type Every = (atMs: number, controller: SignalController) => SignalInput | null;

export interface Audience {
  readonly watcher: Watcher;
  readonly every?: Every;
}

/** Plays a script from a start on: ticks every 50 ms, inputs at their own moments. */
export function playScript(
  site: SiteModel,
  controller: SignalController,
  script: readonly Deed[],
  { watcher, every = () => null }: Audience,
): void {
  const actor = new Actor(site);
  let tickMs = 0;
  const step = (input: SignalInput, atMs: number): void => {
    watcher.before(input, atMs);
    watcher.after(controller.step(input, atMs), controller, atMs);
  };
  const tickUntil = (endMs: number): void => {
    for (; tickMs + TICK_MS <= endMs; tickMs += TICK_MS) {
      step({ kind: "tick" }, tickMs + TICK_MS);
      const more = every(tickMs + TICK_MS, controller);
      if (more !== null) step(more, tickMs + TICK_MS);
    }
  };
  step({ kind: "start" }, 0);
  for (const input of actor.inputs(FIRST_PLAN, 0)) step(input, 0);
  let atMs = 0;
  for (const deed of script) {
    atMs += deed.gapMs;
    tickUntil(atMs);
    for (const input of actor.inputs(deed, atMs)) step(input, atMs);
  }
  tickUntil(atMs + AFTERMATH_MS);
}
