// Reports of positions, which are taken in front of Aedes: whoever sends them is alive.
import { setTimeout as sleep } from "node:timers/promises";
import { type ConnectionOptions, connect } from "node:tls";
import t from "tap";
import { publishPacket } from "../../src/wire/publish.ts";
import { encodeVehicleReport } from "../../src/wire/vehicle.ts";
import { field, packet } from "./bytes.ts";
import { startZones } from "./mover.ts";
import { shows } from "./secured.ts";
import { PREFIX } from "./support.ts";

const PLACE = { latDeg: 0, lonDeg: 10, speedMps: 10, headingDeg: null };

t.test("who only reports stays connected", async (t) => {
  const node = await startZones(t);
  const keys = await node.authority.issue("vehicle", "bus-7");
  const { port } = new URL(node.secure);
  const socket = connect({ port: Number(port), ...shows(keys, "") } as ConnectionOptions);
  t.teardown(() => socket.destroy());
  let closed = false;
  socket.on("close", () => {
    closed = true;
  });
  const keepAliveS = 1;
  const login = [...field("MQTT"), 4, 2, 0, keepAliveS, ...field("vehicle:bus-7")];
  socket.resume().write(Buffer.from(packet(0x10, ...login)));
  for (let sequence = 1; sequence <= 14; sequence += 1) {
    await sleep(250);
    const report = { sequence, atWallMs: node.clock.wallMs(), ...PLACE };
    socket.write(publishPacket(`${PREFIX}vehicle/bus-7`, encodeVehicleReport(report)));
  }
  t.notOk(closed);
  t.ok(node.broker.counters.messagesIn >= 13);
});
