// A small site, views of it, and a running broker with real clients for the broker's tests.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Test } from "tap";
import { type Broker, type BrokerOptions, createBroker } from "../../src/broker/broker.ts";
import { darkDisplay, LAMP, type LampCode } from "../../src/core/site/lamps.ts";
import type { AclEntry, Detector, Phase, SiteModel } from "../../src/core/site/model.ts";
import type { ControlView, PhaseView } from "../../src/core/site/view.ts";
import { restingPhase, restingView } from "../support/views.ts";

export const SECRET = "0123456789abcdef0123456789abcdef";
export const PREFIX = "stopline/1/test/zone/junction-1/";

function phase(number: number, approach: string, extra: Partial<Phase> = {}): Phase {
  return {
    phase: number,
    name: `phase ${number}`,
    approach,
    movement: "through",
    minGreenMs: 10_000,
    passageMs: 3_000,
    max1Ms: 60_000,
    max2Ms: 90_000,
    yellowMs: 4_000,
    redClearanceMs: 1_500,
    redRevertMs: 2_000,
    recall: "none",
    locking: false,
    dualEntry: true,
    pedestrian: null,
    ...extra,
  };
}

function detector(number: number, mqttClient: string | null): Detector {
  return {
    detector: number,
    call: [2],
    extend: [2],
    kind: "presence",
    delayMs: 0,
    setbackM: null,
    extensionMs: 0,
    input: mqttClient === null ? number : null,
    mqtt: mqttClient === null ? null : { client: mqttClient, leaseMs: 1_500 },
    checkIn: null,
    stuckOnMs: 600_000,
    stuckOffMs: 7_200_000,
    fail: { recall: "max" },
  };
}

/** Two phases, one crossing, one detector at the cabinet and one over MQTT (`loop-*`, 9). */
export function testSite(acl: readonly AclEntry[] = []): SiteModel {
  const pedestrian = {
    walkMs: 7_000,
    clearanceMs: 15_000,
    crossingM: 15,
    speedMps: 1.07,
    recall: "none" as const,
  };
  return {
    node: { region: "test", zone: "zone", id: "junction-1" },
    name: "Test Street",
    position: { latDeg: 45, lonDeg: -122 },
    timezone: "America/Los_Angeles",
    failureDisplay: "flash-red",
    startup: { phases: [2], allRedMs: 6_000 },
    approaches: [
      { id: "north", headingDeg: 180, lanes: 2, speedMps: 15, grade: 0 },
      { id: "east", headingDeg: 270, lanes: 1, speedMps: 13, grade: 0 },
    ],
    phases: [phase(2, "north", { pedestrian }), phase(4, "east")],
    sequence: [[[2]], [[4]]],
    channels: [
      { channel: 2, phase: 2, kind: "vehicle", flash: "red", yields: false },
      { channel: 4, phase: 4, kind: "vehicle", flash: "red", yields: false },
      { channel: 12, phase: 2, kind: "pedestrian", flash: "dark", yields: false },
    ],
    compatible: [[2, 12]],
    detectors: [detector(1, null), detector(9, "loop-*")],
    pedestrianDetectors: [{ detector: 6, phase: 2, input: 17 }],
    preempts: [],
    cabinet: { device: "virtual", baud: 500_000 },
    broker: { listeners: [{ address: "127.0.0.1", port: 0 }], acl },
    log: { maxBytes: 1_000_000, keepMs: 86_400_000 },
    console: { address: "127.0.0.1", port: 0 },
    keyFolder: null,
    links: null,
    neighbours: [],
    street: null,
    zones: [],
    overrides: [],
  };
}

function phaseView(number: number, state: PhaseView["state"]): PhaseView {
  return {
    ...restingPhase(number),
    state,
    walk: number === 2 ? "dont-walk" : null,
    sinceMs: 4_000,
    earliestEndMs: 10_000,
    likelyEndMs: 12_000.4,
    latestEndMs: 60_000,
    lastGreenEnd: "gap-out",
    greens: 3,
  };
}

/** Phase 2 green, phase 4 red, at monotonic time 5,000. */
export function testView(sequence: number, extra: Partial<ControlView> = {}): ControlView {
  const sensed: LampCode[] = darkDisplay();
  sensed[1] = LAMP.green;
  sensed[3] = LAMP.red;
  sensed[11] = LAMP.red;
  return restingView({
    incarnation: 7,
    sequence,
    monoMs: 5_000,
    commanded: sensed,
    sensed,
    phases: [phaseView(2, "green"), phaseView(4, "red")],
    detectors: [
      { detector: 1, on: false, failed: null },
      { detector: 9, on: false, failed: null },
    ],
    pedestrianDetectors: [{ detector: 6, on: false, failed: null }],
    ...extra,
  });
}

export interface Running {
  readonly broker: Broker;
  readonly port: number;
  readonly url: string;
}

/** A broker on a free port that ends with the test. */
export async function startBroker(
  t: Pick<Test, "teardown">,
  options: Partial<BrokerOptions> & { acl?: readonly AclEntry[] } = {},
): Promise<Running> {
  const { acl = [], ...rest } = options;
  const broker = await createBroker({
    site: testSite(acl),
    secret: SECRET,
    onCommand: async ({ id }) => ({ id, ok: true, reason: null, atMs: 1 }),
    onDetector: () => undefined,
    onEvent: () => undefined,
    ...rest,
  });
  const { bound } = await broker.listen();
  t.teardown(() => broker.close());
  const port = bound[0]?.port ?? 0;
  return { broker, port, url: `mqtt://127.0.0.1:${port}` };
}

/** Everything a raw socket received until the other side closed it. */
export async function rawExchange(port: number, bytes: readonly number[]): Promise<number[]> {
  const socket = await rawConnect(port);
  const received: Buffer[] = [];
  socket.on("data", (chunk) => received.push(chunk));
  socket.write(Uint8Array.from(bytes));
  await once(socket, "close");
  return [...Buffer.concat(received)];
}

export async function rawConnect(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.on("error", () => undefined);
  return socket;
}

/** Resolves when `condition` holds; the test's own timeout is the bound. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
