// Everything that can be broken, by name: how often, for how long, and what it is.

export interface FaultShape {
  /** Of a node, or of a link between two. */
  readonly of: "node" | "link";
  /** Mean number an hour, for each node or link. */
  readonly perHour: number;
  /** Shortest and longest time that it stands, s; 0 for what happens in a moment. */
  readonly lastsS: readonly [number, number];
  /** What it leaves behind needs so long to pass, s. */
  readonly passesS: number;
}

function shape(
  of: FaultShape["of"],
  perHour: number,
  lastsS: FaultShape["lastsS"],
  passesS = 0,
): FaultShape {
  return { of, perHour, lastsS, passesS };
}

export const FAULTS = {
  /** Messages take up to a second longer. */
  delay: shape("link", 1, [20, 180]),
  /** Up to half of the datagrams are lost. */
  loss: shape("link", 2, [20, 180]),
  duplication: shape("link", 1, [20, 180]),
  /** Datagrams overtake each other by up to 200 ms. */
  reordering: shape("link", 1, [20, 180]),
  /** Bytes change on the way: the lane's authentication drops the datagram or the connection. */
  corruption: shape("link", 1, [20, 120]),
  /** One end speaks another version of what nodes say, or says what is not known here. */
  "other-version": shape("link", 0.3, [20, 90]),
  /** Nothing goes through in one direction. */
  "one-way": shape("link", 1, [15, 240]),
  /** A link that is cut and heals every few seconds. */
  flapping: shape("link", 0.5, [30, 120]),
  /** All links of a node are cut. */
  partition: shape("node", 0.7, [30, 400]),
  /** `kill -9`, somewhere inside what the log does. */
  crash: shape("node", 1, [0.5, 40]),
  /** The process stands still. */
  pause: shape("node", 0.7, [0.2, 20]),
  /** An orderly stop and a new start. */
  restart: shape("node", 0.5, [0.5, 10]),
  /** The board loses its power: what was not synced may be lost. */
  "unsynced-lost": shape("node", 1, [1, 60]),
  /** The same, and a page is left half written. */
  "torn-page": shape("node", 0.5, [1, 60]),
  /** One bit of a file changes, and the process starts anew. */
  "bit-rot": shape("node", 0.3, [1, 10]),
  /** A card copied some minutes ago comes in the place of the present one. */
  "old-image": shape("node", 0.2, [30, 240]),
  /** A new, empty card. */
  "new-card": shape("node", 0.4, [1, 30]),
  /** A copy of the card runs in a second board of the same name. */
  "copied-card": shape("node", 0.06, [100, 160], 700),
  /** The disk takes nothing while a client floods the log. */
  "flooded-log": shape("node", 0.1, [40, 90]),
  /** No file grows any more. */
  "disk-full": shape("node", 0.5, [5, 120]),
  /** Each sync takes a second or more. */
  "disk-stalled": shape("node", 0.7, [5, 90]),
  "disk-read-only": shape("node", 0.4, [5, 90]),
  /** The quartz runs up to 500 ppm wrong. */
  "clock-drift": shape("node", 0.5, [60, 600]),
  /** The wall clock is set wrong, by a second or by hours. */
  "clock-step": shape("node", 0.5, [30, 300]),
  /** The wall clock stands still. */
  "clock-freeze": shape("node", 0.3, [10, 120]),
  /** The flash-transfer relay does not move. */
  "stuck-relay": shape("node", 0.15, [20, 120]),
  /** The cable to the cabinet is pulled. */
  "unplugged-cabinet": shape("node", 0.4, [1, 60]),
  /** The microcontroller starts anew. */
  "microcontroller-reset": shape("node", 0.3, [0, 0]),
  /** A detector stays on, or off. */
  "stuck-detector": shape("node", 0.5, [120, 1200]),
  /** A detector goes on and off ten times a second. */
  "chattering-detector": shape("node", 0.3, [60, 200]),
} as const satisfies Readonly<Record<string, FaultShape>>;

export type FaultName = keyof typeof FAULTS;

export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];
