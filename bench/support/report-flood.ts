// Vehicles that report where they are, from a process of its own: argv is a JSON file with their
// keys, the node's port and topic prefix. Over IPC it is told how many reports a second to send,
// and answers how many were sent since the last time. Raw packets over real TLS, one connection
// with its own certificate for each vehicle.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type TLSSocket } from "node:tls";
import { encodeVehicleReport } from "../../src/wire/vehicle.ts";

export interface ReportPlan {
  readonly port: number;
  readonly prefix: string;
  readonly place: { readonly latDeg: number; readonly lonDeg: number };
  readonly caPem: string;
  readonly vehicles: readonly {
    readonly name: string;
    readonly certPem: string;
    readonly keyPem: string;
  }[];
}

const SLICE_MS = 10;
/** Handshakes at a time. */
const AT_ONCE = 8;
/** A vehicle whose socket is not read holds back at this many bytes. */
const HELD_BYTES = 65_536;

const plan = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as ReportPlan;
let [perS, sent, sequence, closed] = [0, 0, 0, 0];

function packet(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7];
  return Buffer.concat([Buffer.from([type, ...length]), body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}

async function open({ name, certPem, keyPem }: ReportPlan["vehicles"][number]): Promise<TLSSocket> {
  const keys = { cert: certPem, key: keyPem, ca: plan.caPem, rejectUnauthorized: false };
  const socket = connect({ port: plan.port, host: "127.0.0.1", ...keys });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  socket.setNoDelay(true);
  socket.write(packet(0x10, text("MQTT"), Buffer.from([4, 2, 0, 0]), text(`vehicle:${name}`)));
  const [answer] = (await once(socket, "data")) as [Buffer];
  if (answer[3] !== 0) throw new Error(`${name} was refused with ${answer[3]}`);
  socket.on("close", () => {
    closed += 1;
  });
  return socket.resume();
}

function report(name: string): Buffer {
  sequence += 1;
  const moment = { sequence, atWallMs: Date.now() };
  const place = { ...plan.place, speedMps: 5, headingDeg: 0 };
  const topic = text(`${plan.prefix}vehicle/${name}`);
  return packet(0x30, topic, encodeVehicleReport({ ...moment, ...place }));
}

const sockets: TLSSocket[] = [];
for (let from = 0; from < plan.vehicles.length; from += AT_ONCE) {
  sockets.push(...(await Promise.all(plan.vehicles.slice(from, from + AT_ONCE).map(open))));
}
let turn = 0;
let owed = 0;
let lastMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  owed += ((nowMs - lastMs) / 1_000) * perS;
  lastMs = nowMs;
  for (; owed >= 1; owed -= 1, turn += 1) {
    const at = turn % sockets.length;
    const [socket, vehicle] = [sockets[at], plan.vehicles[at]];
    if (socket === undefined || vehicle === undefined) continue;
    if (socket.writableLength > HELD_BYTES) continue;
    socket.write(report(vehicle.name));
    sent += 1;
  }
}, SLICE_MS);
process.on("message", (message: { perS: number }) => {
  process.send?.({ sent, closed });
  [sent, perS, owed] = [0, message.perS, 0];
});
process.on("disconnect", () => process.exit(0));
process.send?.("open");
