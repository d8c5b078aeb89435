// Coordination with the neighbours (L3), as a pure machine: it counts who leaves towards them and
// announces it every second. One step takes one input and answers with plain data.
import type { SiteModel } from "../site/model.ts";
import {
  type CoordinationEffect,
  type CoordinationInput,
  type CoordinationPicture,
  type JunctionView,
  type Now,
  SECONDS_MAX,
} from "./coordination-types.ts";
import { exitHeadingDeg, type Feed, feedsTowards } from "./exits.ts";

interface Exit {
  readonly neighbour: string;
  readonly feeds: readonly Feed[];
  readonly tenths: number[];
  running: number;
  announced: number;
}

export class Coordination {
  private readonly site: SiteModel;
  private readonly exits: readonly Exit[];
  private view: JunctionView | null = null;

  constructor(site: SiteModel) {
    this.site = site;
    this.exits = site.neighbours.flatMap((neighbour): Exit[] => {
      const headingDeg = exitHeadingDeg(site, neighbour);
      if (headingDeg === null) return [];
      const feeds = feedsTowards(site, headingDeg);
      return [{ neighbour: neighbour.id, feeds, tenths: [], running: 0, announced: 0 }];
    });
  }

  /** Takes one input at `now`. Throws for a detector that the site does not have. */
  step(input: CoordinationInput, now: Now): CoordinationEffect[] {
    if (input.kind === "view") this.view = input.view;
    if (input.kind === "edge") this.edge(input.detector, input.on);
    return input.kind === "tick" ? this.exits.map((exit) => this.announce(exit, now)) : [];
  }

  picture(_now: Now): CoordinationPicture {
    return {
      mode: "coordinated",
      cause: null,
      asking: null,
      neighbours: this.exits.map(({ neighbour, announced }) => ({
        id: neighbour,
        used: true,
        why: null,
        nextArrivalWallMs: null,
        expected: 0,
        announced: Math.round(announced / 10),
        served: 0,
        missed: 0,
        forecastError: null,
      })),
    };
  }

  private edge(detector: number, on: boolean): void {
    const config = this.site.detectors.find((entry) => entry.detector === detector);
    if (config === undefined) throw new Error(`the site has no detector ${detector}`);
    if (on || config.kind !== "presence") return;
    for (const exit of this.exits) {
      for (const { phase, share } of exit.feeds) {
        const state = this.view?.phases.find((entry) => entry.phase === phase)?.state;
        if (state === "green" && config.extend.includes(phase)) exit.running += 10 * share;
      }
    }
  }

  private announce(exit: Exit, now: Now): CoordinationEffect {
    exit.tenths.push(Math.round(exit.running));
    exit.announced += Math.round(exit.running);
    exit.running = 0;
    if (exit.tenths.length > SECONDS_MAX) exit.tenths.shift();
    const departures = { toWallMs: now.wallMs, tenths: [...exit.tenths], aheadTenths: [] };
    return { kind: "announce", neighbour: exit.neighbour, departures };
  }
}
