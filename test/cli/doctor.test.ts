// `stopline doctor`: each finding, with a virtual site, an absent device, and the virtual cabinet
// behind a real pseudo-terminal.
import { existsSync, statfsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import type { CabinetPort } from "../../src/cabinet/port.ts";
import { VirtualCabinet } from "../../src/cabinet/virtual.ts";
import { examine } from "../../src/cli/doctor.ts";
import { clockFinding, diskFinding } from "../../src/cli/doctor-board.ts";
import { cabinetFindings } from "../../src/cli/doctor-cabinet.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { machineLine } from "../../src/observe/machine.ts";
import { PseudoTerminal } from "../../src/sim/pseudo-terminal.ts";
import { parseSite } from "../../src/sitefile/load.ts";
import { folder, namesIn, runToEnd, siteText, writeSite } from "./support.ts";

const DAY_MS = 86_400_000;

/** The example with a device that exists; what stands behind it, each test says. */
function siteAt(device: string, text = siteText({ device })): SiteModel {
  const parsed = parseSite(text, "site.yaml");
  if (!parsed.ok) throw new Error(parsed.problems.join("\n"));
  return parsed.site;
}

/** The cabinet on a line of its own; `onOpen` happens to it each time somebody opens that line. */
function directPort(cabinet: VirtualCabinet, onOpen: () => void = () => undefined): CabinetPort {
  const port: CabinetPort = {
    onBytes: null,
    onOpen: null,
    onClose: null,
    write: (bytes) => {
      cabinet.receive(bytes);
      return true;
    },
    close: () => clearInterval(running),
  };
  cabinet.onBytes = (bytes) => port.onBytes?.(bytes);
  const running = setInterval(() => cabinet.advance(cabinet.nowMs + 50), 5);
  setTimeout(() => {
    onOpen();
    port.onOpen?.();
  }, 0);
  return port;
}

async function said(site: SiteModel, open: () => CabinetPort): Promise<string[]> {
  const found = await cabinetFindings(site, open);
  return found.map(({ state, what, says }) => `${state} ${what}: ${says}`);
}

t.test("an address that this machine has not", async (t) => {
  const listener = "{ address: 192.0.2.1, port: 8883, tls: true }";
  const text = siteText().replace("{ address: 127.0.0.1, port: 0 }", listener);
  const file = writeSite(folder(t), `${text}trust: { keys: /nowhere }\n`);
  const found = await examine(file, folder(t));
  const says = "192.0.2.1:8883 is no address of this machine; change the site file";
  t.match(
    found.find(({ what }) => what === "mqtt"),
    { state: "fail", says },
  );
});

t.test("a virtual site on a good machine", async (t) => {
  const dir = folder(t);
  const file = writeSite(dir, siteText());
  const { code, out, err } = await runToEnd(t, ["doctor", file, "--data", join(dir, "data")]);
  t.equal(err, "");
  t.equal(code, 0, out);
  const lines = out.trimEnd().split("\n");
  const order = lines.map((line) => line.slice(6, 14).trim());
  const wanted = ["node", "board", "clock", "disk", "site", "cabinet", "mqtt", "console"];
  t.same([...new Set(order)], wanted);
  t.match(out, /^ok {4}node {5}Node 24\./m);
  t.match(out, /^ok {4}cabinet {2}virtual, nothing is wired$/m);
  t.match(out, /^\w+ +disk .* GB free, /m);
  t.notOk(existsSync(join(dir, "data")), "looking makes no folder");
  t.same(namesIn(dir), ["site.yaml"], "and leaves no file");
});

t.test("an absent device", async (t) => {
  const dir = folder(t);
  const device = join(dir, "ttyUSB0");
  const file = writeSite(dir, siteText({ device }));
  const { code, out } = await runToEnd(t, ["doctor", "--config", file, "--data", dir]);
  t.equal(code, 1);
  const failed = out.split("\n").filter((line) => line.startsWith("FAIL"));
  t.equal(failed.length, 1, out);
  t.match(failed[0], `no device ${device}: plug the cabinet in`);
  t.match(out, /warn {2}monitor {2}.*look at the heads/, "blind spots of a real cabinet");
});

t.test("a bad site file: each problem", async (t) => {
  const dir = folder(t);
  const text = siteText().replace("minGreen: 8", "minGreen: -8").replace("lat: 48", "lat: 448");
  const found = await examine(writeSite(dir, text), dir);
  const lines = found.filter(({ what }) => what === "site");
  t.equal(lines.length, 2);
  t.ok(lines.every(({ state, says }) => state === "fail" && /site\.yaml:\d+: /.test(says)));
});

t.test("a port that is taken is a warning: the node may be running", async (t) => {
  const dir = folder(t);
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, "127.0.0.1", done));
  t.teardown(() => taken.close());
  const bound = taken.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  const found = await examine(writeSite(dir, siteText({ mqtt: port })), dir);
  t.match(
    found.find(({ what }) => what === "mqtt"),
    { state: "warn", says: `127.0.0.1:${port} is taken; is a node running already?` },
  );
});

t.test("the cabinet behind a real line", async (t) => {
  const terminal = await PseudoTerminal.open();
  t.teardown(() => terminal.close());
  const site = siteAt(terminal.path);
  const cabinet = new VirtualCabinet({ site });
  terminal.onBytes = (bytes) => cabinet.receive(bytes);
  cabinet.onBytes = (bytes) => terminal.write(bytes.slice());
  const startMs = performance.now();
  const running = setInterval(() => cabinet.advance(performance.now() - startMs), 5);
  t.teardown(() => clearInterval(running));
  const dir = folder(t);
  const file = writeSite(dir, siteText({ device: terminal.path }));
  const { code, out } = await runToEnd(t, ["doctor", file, "--data", dir]);
  t.equal(code, 0, out);
  t.match(out, /^ok {4}cabinet .* may be opened; firmware \d+\.\d+\.\d+ answers$/m);
  t.match(out, /^ok {4}record .*holds this site's$/m);
  t.match(out, /^ok {4}boots .*stands at 1 when the device is opened again$/m);
});

t.test("a board that restarts when its device is opened", async (t) => {
  const site = siteAt("/dev/null");
  const cabinet = new VirtualCabinet({ site });
  const restart = (): void => {
    // Long enough for the counter of the boot before to be stored.
    cabinet.advance(cabinet.nowMs + 500);
    cabinet.reset("external");
  };
  const lines = await said(site, () => directPort(cabinet, restart));
  t.match(lines.at(-1), /^fail boots: opening the device restarts .* \(2, then 3\);.*wiring\.md$/);
});

t.test("records: none, another one", async (t) => {
  const site = siteAt("/dev/null");
  const blank = new VirtualCabinet({ site, eeprom: "blank" });
  const none = await said(site, () => directPort(blank));
  t.match(none[1], /^fail record: the cabinet holds none; stopline cabinet program writes it/);
  const longer = siteAt(
    "/dev/null",
    siteText({ device: "/dev/null" }).replaceAll("redClearance: 1.5", "redClearance: 2.5"),
  );
  const other = new VirtualCabinet({ site: longer });
  const differs = await said(site, () => directPort(other));
  t.match(differs[1], /^fail record: not this site's: .*channel.*; stopline cabinet program/);
});

t.test("a line on which nothing answers", async (t) => {
  const site = siteAt("/dev/null");
  const lines = await said(site, () => {
    const port: CabinetPort = {
      onBytes: null,
      onOpen: null,
      onClose: null,
      write: () => true,
      close: () => undefined,
    };
    setTimeout(() => port.onOpen?.(), 0);
    return port;
  });
  t.same(lines, [
    "fail cabinet: the cabinet does not answer: is it powered, wired and programmed?",
  ]);
});

t.test("clock", async (t) => {
  const floor = Date.UTC(2030, 0, 10);
  t.equal(clockFinding(floor, floor, true).state, "ok");
  t.equal(clockFinding(floor, floor, null).state, "warn");
  t.equal(clockFinding(floor, floor, false).state, "warn");
  const wrong = clockFinding(floor - 2 * DAY_MS, floor, true);
  t.equal(wrong.state, "fail");
  t.match(wrong.says, /2030-01-08T00:00.*2030-01-10T00:00.*set the time/);
});

t.test("a data folder below a file, or in memory", async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, "file"), "");
  t.equal(diskFinding(join(dir, "file", "data")).state, "fail");
  const memory = diskFinding("/dev/shm");
  if (memory.state !== "fail")
    t.match(memory, { state: "warn", says: /a power cut takes the log/ });
  const small = diskFinding(dir, (path) => Object.assign(statfsSync(path), { bsize: 1_024 }));
  t.match(small, { state: "fail", says: /blocks of 1024 bytes: .*mke2fs -b 4096/ });
});

t.test("a machine that says little", async (t) => {
  const machine = { model: "", processor: "Cortex-A76", cores: 4, memoryBytes: 4e9, system: "" };
  t.equal(machineLine(machine), "4 × Cortex-A76, 4.0 GB");
});
