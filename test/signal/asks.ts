// Neighbours that ask every second for whatever comes to their minds, or for the worst they can.
import type { SignalController, SignalInput } from "../../src/core/signal/controller.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { createRandom } from "../../src/sim/street/random.ts";
import type { Every } from "./script.ts";

const SECOND_MS = 1000;

function ask(hold: readonly number[], end: readonly number[], atMs: number): SignalInput {
  return { kind: "platoon", hold, end, untilMs: atMs + 1e9 };
}

function greens(controller: SignalController, atMs: number): number[] {
  const views = controller.phases(atMs).filter(({ state }) => state === "green");
  return views.map(({ phase }) => phase);
}

/** Asks every second for random phases to be held and ended. */
export function anything(site: SiteModel, seed: number): Every {
  const random = createRandom(seed);
  const some = (): number[] => site.phases.map(({ phase }) => phase).filter(() => random() < 0.4);
  return (atMs) => (atMs % SECOND_MS === 0 ? ask(some(), some(), atMs) : null);
}

/** Always for one phase: its green held, everybody else's ended. */
export function favours(phase: number): Every {
  return (atMs, controller) => {
    if (atMs % SECOND_MS !== 0) return null;
    const on = greens(controller, atMs);
    return ask(
      on.filter((each) => each === phase),
      on.filter((each) => each !== phase),
      atMs,
    );
  };
}

/** Every green is held for as long as it goes. */
export function holdsAll(site: SiteModel): Every {
  const all = site.phases.map(({ phase }) => phase);
  return (atMs) => (atMs % SECOND_MS === 0 ? ask(all, [], atMs) : null);
}
