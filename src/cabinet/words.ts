// The cabinet's codes in plain words: for the console, the log and the person at the cabinet.
import type { ControlMode } from "../core/site/view.ts";
import type { CabinetCause, CabinetMode, HoldReason, Refusal } from "../wire/cabinet-codes.ts";
import type { Latch } from "../wire/frame-types.ts";

const CAUSES: Readonly<Record<CabinetCause, string>> = {
  none: "no cause given",
  "power-up": "the cabinet has been powered up",
  heartbeat: "no good lamp frame reached the cabinet for 300 ms",
  operator: "flash was asked for",
  shutdown: "the node was shut down",
  feedback: "the lamps did not show what was sent",
  "new-session": "the node has opened a new session",
  "manual-flash": "the manual flash switch at the cabinet is on",
  "record-written": "a record has been written",
  button: "the button at the cabinet cleared a latch",
  host: "the node asked for it",
  "asked-conflict": "the node asked for conflicting lamps",
  "asked-yellow": "the node asked for a short or skipped yellow",
  "asked-red-clearance": "the node asked for a short red clearance",
  "asked-ped-clearance": "the node asked for a short pedestrian clearance",
  "asked-sequence": "the node asked for colours in an unlawful order",
  "asked-code": "the node asked for a colour that a channel does not have",
  "asked-start-up": "the node asked for a green before the start-up's red was over",
  interlock: "the interlock refused a display of the controller",
  "third-heartbeat": "the third stop for lost lamp frames within an hour",
  conflict: "conflicting lamps were lit",
  dual: "two colours were lit on one channel",
  "red-failure": "a channel showed nothing",
  field: "a channel did not show what was commanded",
  "short-yellow": "a yellow was too short",
  "skipped-yellow": "a green ended without yellow",
  "short-red-clearance": "a red clearance was too short",
  "short-ped-clearance": "a pedestrian clearance was too short",
  unused: "there was voltage on an unused channel",
  watchdog: "the cabinet's own watchdog reset it",
  relay: "the flash-transfer relay did not follow",
  internal: "the cabinet found a fault in itself",
  "torn-latch": "the stored first cause is damaged",
};

const HOLDS: Readonly<Record<HoldReason, string | null>> = {
  none: null,
  yellow: "yellow is completed first",
  "red-clearance": "red clearance is completed first",
  "ped-clearance": "pedestrian clearance is completed first",
  "start-up": "the start-up's red is completed first",
  stopping: "the orderly stop is under way",
  latched: "a person has to press the button at the cabinet",
  "manual-flash": "the manual flash switch at the cabinet is on",
  "record-blank": "the cabinet holds no record: stopline cabinet program",
  "record-differs": "the cabinet holds another record: stopline cabinet program",
  jumper: "the program jumper at the cabinet is set",
  "no-session": "no session is open",
  unhealthy: "lamp frames are missing, or a stop is asked for",
  "not-red": "waiting for the node to ask for all red",
  returning: "counting the time that the node is healthy",
  "self-test": "the cabinet tests its relay",
};

const REFUSALS: Readonly<Record<Refusal, string | null>> = {
  none: null,
  crc: "a frame arrived damaged",
  framing: "bytes arrived that are no frame",
  length: "a frame had the wrong length",
  version: "a frame had another protocol version",
  type: "a frame had an unknown type",
  session: "a frame belonged to another session",
  stamp: "a frame was older than 200 ms",
  sequence: "a frame was repeated or out of order",
  record: "the record was not taken",
};

export function causeWords(cause: CabinetCause): string {
  return CAUSES[cause];
}

export function holdWords(hold: HoldReason): string | null {
  return HOLDS[hold];
}

export function refusalWords(refusal: Refusal): string | null {
  return REFUSALS[refusal];
}

/** First cause and readings of a latch in one line. */
export function latchWords(latch: Latch): string {
  const channels = [latch.channel, latch.other].filter((channel) => channel > 0);
  const where = channels.length > 0 ? ` (channel ${channels.join(" and ")})` : "";
  const measured = latch.measuredMs > 0 ? `, ${latch.measuredMs} ms` : "";
  return `${CAUSES[latch.cause]}${where}${measured}`;
}

/** The node's mode for the cabinet's: self-test and manual flash show the failure display. */
export function controlModeOf(mode: CabinetMode): ControlMode {
  switch (mode) {
    case "start-up":
      return "starting";
    case "controlled":
      return "controlled";
    case "orderly-stop":
      return "orderly-stop";
    case "trip":
      return "trip";
    case "self-test":
    case "failure-display":
    case "manual-flash":
      return "failure-display";
  }
}
