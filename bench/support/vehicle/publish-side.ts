// The junction at a peer: one client that publishes pictures of the same size, on the same topic,
// about as often as the node does: a beat each half second, and its lamps change once a second.
import mqtt from "mqtt";
import { CHANNEL_COUNT, LAMP, type LampCode } from "../../../src/core/site/lamps.ts";
import { encodeSpat, SPAT_VALID_MS, type Spat } from "../../../src/wire/spat.ts";
import { topicsOf } from "../../../src/wire/topics.ts";
import { sharedMs } from "../mesh/clock.ts";
import {
  type FromSource,
  JUNCTION,
  PHASE,
  type PublishPlan,
  type ToSource,
} from "./vehicle-messages.ts";

const PHASES = 8;
const LIT = 12;
const BEAT_MS = 500;
/** Changes are not in step with the beat. */
const CHANGE_MS = 930;
const LIGHTS: readonly LampCode[] = [LAMP.green, LAMP.yellow, LAMP.red];

const topic = topicsOf(JUNCTION).spat;
const beganMs = performance.now();
let [sequence, changes] = [0, 0];

function picture(): Spat {
  const monoMs = Math.round(performance.now());
  const state = LIGHTS[changes % LIGHTS.length] ?? LAMP.red;
  sequence += 1;
  return {
    incarnation: 1,
    sequence,
    monoMs,
    wallMs: Date.now(),
    clock: "sure",
    validForMs: SPAT_VALID_MS,
    mode: "controlled",
    cause: null,
    lamps: Array.from({ length: CHANNEL_COUNT }, (_, at) => {
      if (at === PHASE - 1) return state;
      return at < LIT ? LAMP.red : LAMP.dark;
    }),
    phases: Array.from({ length: PHASES }, (_, at) => ({
      phase: at + 1,
      state: at === PHASE - 1 ? state : LAMP.red,
      walk: at % 2 === 1 ? LAMP.red : null,
      sinceMs: Math.round(monoMs - beganMs),
      earliestMs: 3_000,
      likelyMs: 4_000,
      latestMs: 5_000,
      call: true,
      pedestrianCall: false,
      ended: "max-out",
    })),
    preempts: [],
  };
}

function publish({ url, keys }: PublishPlan): void {
  const client = mqtt.connect(url, {
    clientId: "junction",
    protocolVersion: 4,
    reconnectPeriod: 200,
    ...keys,
    minVersion: "TLSv1.3",
    // The certificate names a node and not a host; it is the bench's own broker.
    checkServerIdentity: () => undefined,
  } as mqtt.IClientOptions);
  client.on("error", () => undefined);
  client.once("connect", () => {
    (client.stream as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true);
    const send = (): void => void client.publish(topic, Buffer.from(encodeSpat(picture())));
    setInterval(send, BEAT_MS);
    setInterval(() => {
      changes += 1;
      send();
    }, CHANGE_MS);
    const stampsFromMs = sharedMs() - performance.now();
    const message: FromSource = { kind: "opened", url, stampsFromMs, console: null };
    process.send?.(message);
  });
}

process.on("message", ({ plan }: ToSource) => publish(plan));
process.on("disconnect", () => process.exit(0));
