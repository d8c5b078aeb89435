// A vehicle approaching the demo's junction from the north: what it believes, what it should do.
//   scripts/run                                     in one terminal, prints an address
//   node examples/vehicle.ts mqtt://127.0.0.1:PORT  in another
import { VehicleAgent } from "stopline/vehicle";

const url = process.argv[2] ?? "mqtt://127.0.0.1:1883";
const junction = { region: "demo", zone: "old-town", id: "junction-1", url };
const end = { junction, by: { approach: "north", movement: "through" } } as const;
const street = { id: "market-street", lengthM: 300, speedMps: 13.9, end };
const vehicle = new VehicleAgent({ routes: [{ id: "south", links: [street] }] });

let atM = 0;
let speedMps = 10;
vehicle.on("connection", ({ up, reason }) => console.log(up ? "connected" : reason));
vehicle.on("advice", ({ kind, targetMps }, { light, distanceM }) => {
  const seen = light?.doubt ?? light?.light ?? "no light ahead";
  const where = distanceM === null ? "beyond" : `${distanceM.toFixed(0)} m before`;
  console.log(`${where} the line, ${seen}: ${kind}, ${targetMps.toFixed(1)} m/s`);
  speedMps = targetMps;
});

const driving = setInterval(() => {
  atM += speedMps / 10;
  vehicle.position({ atM, speedMps });
  if (atM < 320) return;
  clearInterval(driving);
  vehicle.close();
}, 100);
