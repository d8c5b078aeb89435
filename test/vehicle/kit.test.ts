// The kit as others have it: from an empty folder into which the package is linked, as npm does.
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { folder } from "../cli/support.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = `
import { newPseudonym, VehicleAgent } from "stopline/vehicle";
const junction = { region: "a", zone: "b", id: "c", url: "mqtt://127.0.0.1:1" };
const links = [{ id: "l", lengthM: 9, speedMps: 9, end: { junction, by: { phase: 2 } } }];
const vehicle = new VehicleAgent({ id: newPseudonym(), routes: [{ id: "r", links }] });
vehicle.on("connection", ({ up, reason }) => {
  console.log(up, reason);
  vehicle.close();
});
`;

t.test("it is imported from anywhere", async (t) => {
  const dir = folder(t);
  mkdirSync(join(dir, "node_modules"));
  symlinkSync(ROOT, join(dir, "node_modules", "stopline"));
  writeFileSync(join(dir, "main.mjs"), PROGRAM);
  const { status, stdout, stderr } = spawnSync(process.execPath, ["main.mjs"], {
    cwd: dir,
    env: {},
    encoding: "utf8",
  });
  t.equal(status, 0, stderr);
  t.match(stdout, /^false connect ECONNREFUSED/);
});
