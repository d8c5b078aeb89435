// Health in plain words, from what the node knows of its parts. Pure: pictures in, sentences out.
import type { BrokerCounters } from "../broker/counters.ts";
import type { ControlView } from "../core/site/view.ts";
import type { HealthPart } from "../wire/health.ts";

/** Views come every 100 ms; older than this the control thread is not heard. */
const VIEW_OLD_MS = 300;

function controlPart(view: ControlView | null, ageMs: number): HealthPart {
  const name = "control";
  if (view === null || ageMs > VIEW_OLD_MS) {
    return { name, state: "failed", text: "Nothing is heard from the control thread." };
  }
  const text = controlText(view);
  if (view.mode === "controlled") return { name, state: "ok", text };
  return { name, state: view.mode === "starting" ? "degraded" : "failed", text };
}

/** What runs the lamps, and why, in one sentence. */
export function controlText({ mode, cause }: Pick<ControlView, "mode" | "cause">): string {
  if (mode === "controlled") return "The controller runs.";
  return sentence(`${MODE_WORDS[mode]}${because(cause)}`);
}

/** The modes in which the controller does not run the lamps, for people. */
export const MODE_WORDS: Readonly<Record<Exclude<ControlView["mode"], "controlled">, string>> = {
  starting: "Start-up",
  "orderly-stop": "Orderly stop into the failure display",
  "failure-display": "The failure display stands",
  trip: "The monitor has tripped",
  "no-cabinet": "No cabinet",
};

function because(cause: string | null): string {
  return cause === null ? "" : `: ${cause}`;
}

function sentence(text: string): string {
  return text.endsWith(".") ? text : `${text}.`;
}

function cabinetPart(view: ControlView): HealthPart {
  const { cabinet } = view;
  const name = "cabinet";
  if (!cabinet.connected) {
    return { name, state: "failed", text: sentence(view.cause ?? "The device is closed") };
  }
  if (cabinet.recordMatches === false) {
    const text = "The cabinet holds another record than this site; run stopline cabinet program.";
    return { name, state: "failed", text };
  }
  if (cabinet.latched !== null) {
    return { name, state: "failed", text: sentence(`Latched: ${cabinet.latched}`) };
  }
  const text = `Firmware ${cabinet.firmwareVersion ?? "?"}, boot ${cabinet.bootCounter ?? "?"}.`;
  return { name, state: "ok", text };
}

function detectorPart(view: ControlView): HealthPart {
  const failed = view.detectors.filter((entry) => entry.failed !== null);
  const buttons = view.pedestrianDetectors.filter((entry) => entry.failed !== null);
  if (failed.length + buttons.length === 0) {
    return { name: "detectors", state: "ok", text: `${view.detectors.length} work.` };
  }
  const list = [
    ...failed.map((entry) => `${entry.detector} (${entry.failed})`),
    ...buttons.map((entry) => `button ${entry.detector} (${entry.failed})`),
  ];
  const text = `Failed and replaced by recalls: ${list.join(", ")}.`;
  return { name: "detectors", state: "degraded", text };
}

/** Null for a site to which no road leads from a neighbour. */
function coordinationPart({ corridor }: ControlView): HealthPart | null {
  if (corridor === undefined) return null;
  const name = "coordination";
  if (corridor.mode === "local-only") {
    return { name, state: "degraded", text: sentence(`Local only${because(corridor.cause)}`) };
  }
  const used = corridor.neighbours.filter((one) => one.used).length;
  const text = `Platoons of ${used} of ${corridor.neighbours.length} neighbours are used.`;
  return { name, state: "ok", text };
}

function brokerPart({ connections, diskTrouble }: BrokerCounters): HealthPart {
  const text = `${connections} connected.`;
  if (diskTrouble === null) return { name: "broker", state: "ok", text };
  const why = `Kept sessions can't be stored, their publishers wait: ${diskTrouble}`;
  return { name: "broker", state: "degraded", text: `${text} ${sentence(why)}` };
}

/** The parts that follow from the newest view and the broker's counters. */
export function partsOf(
  view: ControlView | null,
  ageMs: number,
  broker: BrokerCounters | null,
): HealthPart[] {
  const parts = [controlPart(view, ageMs)];
  if (view !== null) parts.push(cabinetPart(view), detectorPart(view));
  const coordination = view === null ? null : coordinationPart(view);
  if (coordination !== null) parts.push(coordination);
  if (broker !== null) parts.push(brokerPart(broker));
  if (view !== null && view.clock === "unsure") {
    const text = "The time is not sure; commands from elsewhere are refused.";
    parts.push({ name: "clock", state: "degraded", text });
  }
  return parts;
}
