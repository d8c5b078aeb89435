// `stopline cabinet program|status|reset-help` with the virtual cabinet on the line: what a person
// sees, and that nothing is written without the jumper and the typed checksum.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { CabinetPort } from "../../src/cabinet/port.ts";
import { compileRecord, recordChecksum } from "../../src/cabinet/record.ts";
import { VirtualCabinet, type VirtualCabinetOptions } from "../../src/cabinet/virtual.ts";
import { checksumText, runCabinet } from "../../src/cli/cabinet.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { loadSite } from "../../src/sitefile/load.ts";

const DEMO = new URL("../../config/demo.yaml", import.meta.url).pathname;

/** The demo's site file with a real device, in a folder of its own. */
function siteFile(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), "stopline-cabinet-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "site.yaml");
  const text = readFileSync(DEMO, "utf8").replace(/device: virtual/, "device: /dev/ttyUSB9");
  writeFileSync(file, text);
  return file;
}

async function siteOf(file: string): Promise<SiteModel> {
  const load = await loadSite(file);
  if (!load.ok) throw new Error(load.problems.join("\n"));
  return load.site;
}

/** The cabinet behind the port's interface; it runs as fast as it is written to. */
class DirectPort implements CabinetPort {
  onBytes: ((bytes: Uint8Array) => void) | null = null;
  onOpen: (() => void) | null = null;
  onClose: ((reason: string) => void) | null = null;
  private readonly cabinet: VirtualCabinet;
  private readonly running: NodeJS.Timeout;

  constructor(cabinet: VirtualCabinet) {
    this.cabinet = cabinet;
    cabinet.onBytes = (bytes) => this.onBytes?.(bytes);
    this.running = setInterval(() => cabinet.advance(cabinet.nowMs + 100), 5);
    setTimeout(() => this.onOpen?.(), 0);
  }

  write(bytes: Uint8Array): boolean {
    this.cabinet.receive(bytes);
    return true;
  }

  close(): void {
    clearInterval(this.running);
  }
}

interface Said {
  readonly code: number;
  readonly text: string;
}

async function command(
  args: string[],
  cabinet: VirtualCabinet | null,
  answer: string,
): Promise<Said> {
  let text = "";
  const error = process.stderr.write;
  process.stderr.write = (line: string | Uint8Array) => {
    text += String(line);
    return true;
  };
  try {
    const code = await runCabinet(args, {
      open: () => {
        if (cabinet === null) throw new Error("the device is not to be opened");
        return new DirectPort(cabinet);
      },
      prompt: async (question) => {
        text += question;
        return answer;
      },
      print: (line) => {
        text += line;
      },
    });
    return { code, text };
  } finally {
    process.stderr.write = error;
  }
}

async function cabinetFor(
  file: string,
  options: Partial<VirtualCabinetOptions> = {},
): Promise<{ cabinet: VirtualCabinet; checksum: string }> {
  const site = await siteOf(file);
  const checksum = checksumText(recordChecksum(compileRecord(site)));
  return { cabinet: new VirtualCabinet({ site, ...options }), checksum };
}

t.test("program writes the record after the checksum was typed, and reads it back", async (t) => {
  const file = siteFile(t);
  const { cabinet, checksum } = await cabinetFor(file, { eeprom: "blank" });
  cabinet.setControl("jumper", true);
  const said = await command(["program", "--config", file], cabinet, ` ${checksum.toUpperCase()} `);
  t.equal(said.code, 0, said.text);
  t.match(said.text, /PROGRAM CARD/);
  t.match(said.text, new RegExp(`Stored: record ${checksum}`));
  const again = await command(["program", "--config", file], cabinet, "");
  t.equal(again.code, 0);
  t.match(again.text, /holds this record already/);
});

t.test("a wrong checksum writes nothing", async (t) => {
  const file = siteFile(t);
  const { cabinet } = await cabinetFor(file, { eeprom: "blank" });
  cabinet.setControl("jumper", true);
  const before = cabinet.eeprom.slice(128);
  const said = await command(["program", "--config", file], cabinet, "yes");
  t.equal(said.code, 1);
  t.match(said.text, /'yes' is not the checksum; nothing was written/);
  t.same(cabinet.eeprom.slice(128), before);
});

t.test("without the jumper nothing is asked and nothing written", async (t) => {
  const file = siteFile(t);
  const { cabinet } = await cabinetFor(file, { eeprom: "blank" });
  const said = await command(["program", "--config", file], cabinet, "never asked");
  t.equal(said.code, 1);
  t.match(said.text, /the program jumper is not set/);
  t.notMatch(said.text, /Type the record checksum/);
});

t.test("status names the mode, the record's differences and what is latched", async (t) => {
  const file = siteFile(t);
  const site = await siteOf(file);
  const phases = site.phases.map((phase) => ({ ...phase, yellowMs: phase.yellowMs + 500 }));
  const other = new VirtualCabinet({ site: { ...site, phases } });
  const said = await command(["status", "--config", file], other, "");
  t.equal(said.code, 0, said.text);
  t.match(said.text, /firmware {6}\d+\.\d+\.\d+, boot 1/);
  t.match(said.text, /not the site file's/);
  t.match(said.text, /channel \d+: yellow/);
  t.match(said.text, /nothing is latched/);
});

t.test("reset-help says that only the button clears, after the first cause", async (t) => {
  const file = siteFile(t);
  const { cabinet } = await cabinetFor(file);
  cabinet.advance(1000);
  cabinet.reset("watchdog");
  const said = await command(["reset-help", "--config", file], cabinet, "");
  t.equal(said.code, 0, said.text);
  t.match(said.text, /first cause {3}the cabinet's own watchdog reset it/);
  t.match(said.text, /hold it for one second/);
});

t.test(
  "a virtual device, wrong words, a wrong file: one line each, nothing is opened",
  async (t) => {
    const virtual = await command(["program", "--config", DEMO], null, "");
    t.equal(virtual.code, 1);
    t.match(virtual.text, /the device is 'virtual'/);
    t.equal((await command(["reset-help", "--config", DEMO], null, "")).code, 0);
    for (const args of [[], ["erase", "--config", DEMO], ["status"], ["status", "--fast"]]) {
      const said = await command(args, null, "");
      t.equal(said.code, 1, args.join(" "));
      t.match(said.text, /^stopline cabinet: [^\n]+\n$/);
    }
    const missing = await command(["status", "--config", "/nowhere/site.yaml"], null, "");
    t.equal(missing.code, 1);
    t.match(missing.text, /^stopline cabinet: [^\n]+\n$/);
  },
);
