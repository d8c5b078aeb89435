// A small junction for the interlock's tests: two crossing streets with a left turn and two
// pedestrian channels. Its timing is 3.0 s yellow, 1.0 s red clearance, 5 s minimum green.
import { type Display, darkDisplay, type LampCode } from "../../src/core/site/lamps.ts";
import type { Channel, Phase, SiteModel } from "../../src/core/site/model.ts";

function phase(number: number, crosses: boolean): Phase {
  return {
    phase: number,
    name: `phase ${number}`,
    approach: "north",
    movement: "through",
    minGreenMs: 5000,
    passageMs: 2000,
    max1Ms: 20_000,
    max2Ms: 30_000,
    yellowMs: 3000,
    redClearanceMs: 1000,
    redRevertMs: 2000,
    recall: "none",
    locking: false,
    dualEntry: false,
    pedestrian: crosses
      ? { walkMs: 7000, clearanceMs: 8000, crossingM: 8, speedMps: 1.07, recall: "none" }
      : null,
  };
}

function channel(number: number, of: number, kind: Channel["kind"]): Channel {
  return { channel: number, phase: of, kind, flash: "red", yields: false };
}

/** Channels 2, 5 and 6 with walk 12 on the main street; 8 with walk 14 on the cross street. */
export const JUNCTION: SiteModel = {
  node: { region: "test", zone: "bench", id: "junction" },
  name: "test junction",
  position: { latDeg: 0, lonDeg: 0 },
  timezone: "UTC",
  failureDisplay: "flash-red",
  startup: { phases: [2, 6], allRedMs: 6000 },
  approaches: [{ id: "north", headingDeg: 180, lanes: 1, speedMps: 13, grade: 0 }],
  phases: [phase(2, false), phase(5, false), phase(6, true), phase(8, true)],
  sequence: [
    [[2], [5, 6]],
    [[], [8]],
  ],
  channels: [
    channel(2, 2, "vehicle"),
    channel(5, 5, "vehicle"),
    channel(6, 6, "vehicle"),
    channel(8, 8, "vehicle"),
    channel(12, 6, "pedestrian"),
    channel(14, 8, "pedestrian"),
  ],
  compatible: [
    [2, 5],
    [2, 6],
    [2, 12],
    [6, 12],
    [8, 14],
  ],
  detectors: [],
  pedestrianDetectors: [],
  preempts: [],
  cabinet: { device: "virtual", baud: 500_000 },
  broker: { listeners: [], acl: [] },
  log: { maxBytes: 1, keepMs: 1 },
  console: { address: "127.0.0.1", port: 0 },
  keyFolder: null,
  links: null,
  neighbours: [],
  street: null,
  zones: [],
  overrides: [],
};

/**
 * A display written as the letters of channels 2, 5, 6, 8, 12 and 14: "GRGR GR". R red, Y yellow,
 * G green or walk, F flashing don't walk, f flashing yellow, d dark.
 */
export function show(text: string): Display {
  const display = darkDisplay();
  const letters = text.replace(" ", "");
  for (const [index, { channel: number }] of JUNCTION.channels.entries()) {
    display[number - 1] = "dRYGFf".indexOf(letters.charAt(index)) as LampCode;
  }
  return display;
}
