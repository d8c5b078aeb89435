// The record compiled from a site: what stands in it, what is refused, and how two differ in words.
import { fileURLToPath } from "node:url";
import t from "tap";
import {
  compileRecord,
  decodeRecord,
  describeRecordDifference,
  RECORD_BYTES,
  recordChecksum,
} from "../../src/cabinet/record.ts";
import { createSafetyCore, programmedEeprom } from "../../src/cabinet/safety-core.ts";
import type { Phase, SiteModel } from "../../src/core/site/model.ts";
import { loadSite } from "../../src/sitefile/load.ts";
import { FrameReader } from "../../src/wire/frame-reader.ts";
import { decodeCabinetFrame } from "../../src/wire/frames.ts";

const SITES = ["demo", "oregon-1136", "three-leg"];

async function site(name: string): Promise<SiteModel> {
  const path = fileURLToPath(new URL(`../../config/${name}.yaml`, import.meta.url));
  const load = await loadSite(path);
  if (!load.ok) throw new Error(load.problems.join("\n"));
  return load.site;
}

function withPhase(model: SiteModel, phase: number, change: Partial<Phase>): SiteModel {
  const phases = model.phases.map((entry) =>
    entry.phase === phase ? { ...entry, ...change } : entry,
  );
  return { ...model, phases };
}

/** Whether the real core takes these bytes for a valid record. */
function coreTakes(record: Uint8Array): boolean {
  const core = createSafetyCore({ eeprom: programmedEeprom(record) });
  const reader = new FrameReader(decodeCabinetFrame);
  for (let ms = 0; ms < 100; ms += core.tick()) {
    for (const frame of reader.push(core.takeBytes())) {
      if (frame.kind === "status") return frame.flags.recordValid;
    }
  }
  throw new Error("no status");
}

t.test("every example compiles to a record that the core takes", async (t) => {
  for (const name of SITES) {
    const model = await site(name);
    const record = compileRecord(model);
    t.equal(record.length, RECORD_BYTES, name);
    t.ok(coreTakes(record), `${name} is taken`);
    const decoded = decodeRecord(record);
    t.equal(decoded?.nodeId, model.node.id);
    t.equal(decoded?.checksum, recordChecksum(record));
    for (const channel of model.channels) {
      const entry = decoded?.channels[channel.channel - 1];
      t.equal(entry?.kind, channel.kind, `${name} channel ${channel.channel}`);
      const phase = model.phases.find(({ phase }) => phase === channel.phase);
      t.equal(entry?.redClearanceMs, phase?.redClearanceMs);
    }
    const pairs = decoded?.channels.flatMap(({ channel, compatible }) =>
      compatible.filter((other) => other > channel).map((other) => `${channel}-${other}`),
    );
    const listed = model.compatible.map(([one, other]) => `${one}-${other}`);
    t.same(pairs?.sort(), listed.sort(), `${name}: the program card and nothing else`);
  }
});

t.test("a walk goes beside its phase's own green", async (t) => {
  const record = decodeRecord(compileRecord(await site("oregon-1136")));
  t.match(record?.channels[11], { kind: "pedestrian", parallel: 6, yellowMs: 0 });
  t.match(record?.channels[5], { kind: "vehicle", parallel: null, yellowMs: 4000 });
});

t.test("a time outside what the cabinet takes is named", async (t) => {
  const model = await site("oregon-1136");
  t.throws(() => compileRecord(withPhase(model, 6, { yellowMs: 2900 })), /yellow on channel 6/);
  t.throws(
    () => compileRecord(withPhase(model, 6, { redClearanceMs: 900 })),
    /red clearance on channel 6 of 900 ms; use 1000 to 6000/,
  );
  t.throws(() => compileRecord(withPhase(model, 6, { yellowMs: 4000.5 })), /4000.5/);
  t.throws(() => compileRecord(withPhase(model, 6, { pedestrian: null })), /without a walk/);
});

t.test("differences in plain words", async (t) => {
  const model = await site("oregon-1136");
  const one = compileRecord(model);
  t.same(describeRecordDifference(one, one), []);
  const changed: SiteModel = {
    ...withPhase(model, 5, { yellowMs: 4500 }),
    node: { ...model.node, id: "junction-7" },
    failureDisplay: "dark",
    compatible: model.compatible.filter(([a, b]) => a !== 2 || b !== 6),
  };
  const yellowS = (decodeRecord(one)?.channels[4]?.yellowMs ?? 0) / 1000;
  t.same(describeRecordDifference(one, compileRecord(changed)), [
    `written for ${model.node.id}, the other for junction-7`,
    `failure display ${model.failureDisplay}, the other has dark`,
    "channels 2 and 6 may be lit together, in the other they conflict",
    `channel 5: yellow ${yellowS} s, the other has 4.5 s`,
  ]);
  const blank = new Uint8Array(RECORD_BYTES).fill(0xff);
  t.same(describeRecordDifference(blank, one), ["this record is blank or damaged"]);
  t.same(describeRecordDifference(one, blank), ["the other record is blank or damaged"]);
  t.same(describeRecordDifference(blank, blank), ["both records are blank or damaged"]);
});

t.test("a damaged record is not read, by us or by the core", async (t) => {
  const record = compileRecord(await site("demo"));
  for (const at of [0, 3, 40, 170, 199]) {
    const damaged = record.slice();
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    t.equal(decodeRecord(damaged), null);
    t.notOk(coreTakes(damaged));
  }
  t.equal(decodeRecord(record.subarray(1)), null);
});
