// What bears out a vehicle's request for priority: pure, then on the whole control machine with its
// plan, then through a real node with certificates and a sensor.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { REGION, ZONE } from "../../src/cli/corridor-site.ts";
import type { Detector } from "../../src/core/site/model.ts";
import type { NodeEvent } from "../../src/log/events.ts";
import type { Order } from "../../src/node/control-types.ts";
import { Corroboration } from "../../src/node/corroboration.ts";
import { VirtualRun } from "../../src/node/virtual-run.ts";
import { parseSite } from "../../src/sitefile/load.ts";
import { decodeReply, encodeCommand } from "../../src/wire/command.ts";
import { encodeDetectorReport } from "../../src/wire/detector.ts";
import { connectClient } from "../broker/clients.ts";
import { rowsOf, type Stopline, until } from "../cli/support.ts";
import { type TestAuthority, testAuthority } from "../trust/keys.ts";
import { corridor, measures, withTls } from "./corridor-rig.ts";

const DEMO = readFileSync(new URL("../../config/demo.yaml", import.meta.url), "utf8");
/** The demo's bus lane: it checks in for phase 4, 10 s before the stop line, give or take 5. */
const LANE = 31;

function demoDetectors(): readonly Detector[] {
  const loaded = parseSite(DEMO, "demo.yaml");
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  return loaded.site.detectors;
}

t.test("an edge at the claimed time bears out one request, and nothing else does", async (t) => {
  let failed = false;
  const seen = new Corroboration(demoDetectors(), () => failed);
  /** Of who passed the bus lane at `atMs`, if he did. */
  const claim = (atMs: number, phase = 4) => ({
    phase,
    arrivalMs: atMs + 10_000,
    departMs: atMs + 20_000,
  });
  t.equal(seen.refusal(claim(0), 0), "no-corroboration", "nobody has passed");
  t.equal(seen.refusal(claim(0, 2), 0), "no-check-in", "nothing checks in for phase 2");
  seen.read(2, true, 50_000);
  t.equal(seen.refusal(claim(50_000), 50_000), "no-corroboration", "another detector");
  seen.read(LANE, true, 60_000);
  seen.read(LANE, true, 64_000);
  t.equal(seen.refusal(claim(66_000), 66_000), "stale", "it is still on: that is no edge");
  t.equal(seen.refusal(claim(54_900), 66_000), "no-corroboration", "it was there before");
  t.equal(seen.refusal(claim(55_000), 66_000), null);
  failed = true;
  t.equal(seen.refusal(claim(60_000), 66_000), "detector-failed");
  failed = false;
  t.same(seen.take(claim(62_000), 66_000), { detector: LANE, atMs: 60_000 });
  t.equal(seen.refusal(claim(62_000), 66_000), "used");
  seen.read(LANE, false, 67_000);
  seen.read(LANE, true, 70_000);
  t.equal(seen.refusal(claim(62_000), 70_000), "used", "the next one came later than that");
  t.same(seen.take(claim(65_000), 70_000), { detector: LANE, atMs: 70_000 });
  t.equal(seen.refusal(claim(65_000), 190_000), "no-corroboration", "all are forgotten");
});

t.test("of many edges the nearest counts, and no more are kept than some", async (t) => {
  const seen = new Corroboration(demoDetectors(), () => false);
  for (let atMs = 0; atMs < 100_000; atMs += 400) {
    seen.read(LANE, true, atMs);
    seen.read(LANE, false, atMs + 200);
  }
  const claim = (atMs: number) => ({ phase: 4, arrivalMs: atMs + 10_000, departMs: atMs + 20_000 });
  t.match(seen.take(claim(90_150), 100_000), { atMs: 90_000 });
  t.match(seen.take(claim(90_150), 100_000), { atMs: 90_400 }, "then the next");
  t.equal(seen.take(claim(20_000), 100_000), null, "too many have come since");
});

const PLANS = `plans:
  1:
    { cycle: 100, offset: 20, reference: 2, coordinated: [2, 6],
      splits: { 1: 15, 2: 35, 3: 15, 4: 35, 5: 15, 6: 35, 7: 15, 8: 35 } }
street:
`;
/** The wall clock is this far from the monotonic one. */
const WALL_MS = 1_000_000;

function controlled() {
  const loaded = parseSite(
    DEMO.replace("street:\n", () => PLANS),
    "demo.yaml",
  );
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  const events: NodeEvent[] = [];
  const run = new VirtualRun({
    site: loaded.site,
    wallMs: (monoMs) => WALL_MS + monoMs,
    onEffect: (effect) => {
      if (effect.kind === "log") events.push(effect.event);
    },
  });
  const nowMs = (): number => run.cabinet.nowMs;
  run.step({ kind: "plan", plan: 1, epochMs: 0 });
  const pass = (on: boolean) => run.step({ kind: "detector", detector: LANE, on });
  const ask = (author: string, more: Partial<Order> = {}) => {
    const order = {
      kind: "priority" as const,
      request: 1,
      phase: 4,
      arrivalMs: WALL_MS + nowMs() + 10_000,
      departMs: WALL_MS + nowMs() + 25_000,
      ...more,
    } as Order;
    const now = { monoMs: nowMs(), wallMs: WALL_MS + nowMs() };
    const reason = run.control.refusalOf(order, author, now);
    if (reason === null) run.step({ kind: "order", order, author });
    return reason;
  };
  const codes = () => events.filter(({ kind }) => kind === "code").map(({ body }) => body);
  const greens = () => codes().filter(([code, phase]) => code === 1 && phase === 4).length;
  return { run, events, nowMs, pass, ask, codes, greens };
}

t.test("a vehicle that is checked in gets its green early; others ask in vain", async (t) => {
  /** When phase 4 is green after somebody asked at `askMs`; with an edge or without. */
  const greenAfter = (askMs: number, checkedIn: boolean) => {
    const { run, pass, ask, codes, greens, nowMs } = controlled();
    run.advance(askMs);
    if (checkedIn) pass(true);
    const reason = ask("vehicle:bus-1");
    run.step({ kind: "order", order: { kind: "call", phase: 4, pedestrian: false }, author: "a" });
    const before = greens();
    while (greens() === before && nowMs() < askMs + 120_000) run.advance(nowMs() + 100);
    const early = codes().some(([code]) => code === 113);
    return { reason, early, atMs: nowMs() };
  };
  // While the main street is green, well before it yields.
  let sooner = 0;
  for (let askMs = 400_000; askMs < 500_000; askMs += 10_000) {
    const [without, checked] = [greenAfter(askMs, false), greenAfter(askMs, true)];
    t.equal(without.reason, "no-corroboration");
    t.equal(without.early, false);
    t.equal(checked.reason, null);
    t.ok(checked.atMs <= without.atMs, `${checked.atMs} and ${without.atMs}`);
    if (checked.early && checked.atMs < without.atMs) sooner += 1;
  }
  t.ok(sooner > 0, `${sooner} times sooner`);
});

t.test("news needs no other edge; a phase, a vehicle and a long delay do", async (t) => {
  const { run, events, pass, ask, nowMs } = controlled();
  run.advance(30_000);
  pass(true);
  const wallMs = WALL_MS + nowMs();
  t.equal(ask("vehicle:bus-1"), null);
  t.equal(ask("vehicle:bus-2"), "used");
  t.equal(ask("vehicle:bus-1", { request: 2 }), "used", "another request of the same vehicle");
  run.advance(nowMs() + 20_000);
  t.equal(ask("vehicle:bus-1"), null, "it is later than it thought");
  t.equal(ask("vehicle:bus-1", { phase: 2 }), "no-check-in", "another way");
  run.advance(nowMs() + 20_000);
  t.equal(ask("vehicle:bus-1", { departMs: wallMs + 120_001 }), "stale");
  t.equal(ask("vehicle:bus-1", { departMs: wallMs + 120_000 }), null);
  t.equal(ask("operator:anna", { request: 9 }), null, "who sees the street needs no detector");
  t.equal(ask("vehicle:bus-1", { departMs: 0 }), null, "taken back");
  t.equal(ask("vehicle:bus-1"), "stale", "and the edge is long ago");
  const orders = events.filter(({ kind }) => kind === "order").map(({ body }) => body);
  const until = wallMs + 25_000;
  const by = [LANE, wallMs];
  t.same(orders[0], [
    "priority",
    1,
    true,
    "vehicle:bus-1",
    until,
    null,
    [4, wallMs + 10_000, ...by],
  ]);
});

async function send(client: Awaited<ReturnType<typeof connectClient>>, phase: number) {
  const prefix = `stopline/1/${REGION}/${ZONE}/junction-1/`;
  const id = randomBytes(16).toString("hex");
  const issuedMs = Date.now();
  const times = { arrivalMs: issuedMs + 10_000, departMs: issuedMs + 25_000 };
  const body = { kind: "priority", request: 1, phase, ...times } as const;
  await client.subscribe(`${prefix}reply/${id}`);
  const bytes = encodeCommand({ id, issuedMs, expiresMs: issuedMs + 30_000, body });
  await client.mqtt.publishAsync(`${prefix}command/${id}`, Buffer.from(bytes), { qos: 1 });
  await until(() => client.of(`${prefix}reply/${id}`).length === 1);
  return decodeReply(client.of(`${prefix}reply/${id}`)[0]?.payload ?? Buffer.alloc(0)).reason;
}

async function vehicle(
  t: Test,
  node: Stopline,
  authority: TestAuthority,
  [id, priority]: readonly [string, "none" | "tsp"],
) {
  const {
    certPem: cert,
    keyPem: key,
    caPem: ca,
  } = await authority.issue("vehicle", id, {
    priority,
  });
  const shown = { cert, key, ca, clientId: `vehicle:${id}`, rejectUnauthorized: false };
  return await connectClient(t, /mqtts:\S+/.exec(node.out)?.[0] ?? "", shown);
}

t.test("at a node: priority by attribute and check-in, once for each edge", async (t) => {
  const authority = await testAuthority(t, { region: REGION, zone: ZONE });
  const { base, start } = await corridor(t, authority, 2, (_, site) => withTls(site));
  const node = start(1);
  t.ok(await node.opened(), node.err);
  const car = await vehicle(t, node, authority, ["car-1", "none"]);
  const bus = await vehicle(t, node, authority, ["bus-1", "tsp"]);
  const other = await vehicle(t, node, authority, ["bus-2", "tsp"]);
  const lane = await connectClient(t, node.place("mqtt") ?? "", { clientId: "bus-lane-1" });
  const topic = `stopline/1/${REGION}/${ZONE}/junction-1/detector/${LANE}`;
  const pass = async () => {
    for (const on of [false, true]) {
      await lane.mqtt.publishAsync(topic, Buffer.from(encodeDetectorReport(on)), { qos: 1 });
    }
  };
  t.equal(await send(bus, 4), "no-corroboration");
  await pass();
  t.match(await send(car, 4), /the certificate grants no priority/);
  t.equal(await send(bus, 2), "no-check-in");
  t.equal(await send(bus, 4), null);
  t.equal(await send(other, 4), "used");
  const rows = () => rowsOf(join(base, "junction-1", "data"));
  const given = () => rows().find(({ kind, body }) => kind === "order" && body[0] === "priority");
  t.ok(await until(() => given() !== undefined));
  t.match(given()?.body, ["priority", 1, true, "vehicle:bus-1"]);
  t.match(given()?.body[6], [4, Number, LANE, Number], "and who has seen it");
  const checkedIn = () => rows().some(({ kind, body }) => kind === "code" && body[0] === 112);
  t.ok(await until(checkedIn));
  for (const reason of ["no-attribute", "no-corroboration", "no-check-in", "used"]) {
    const line = `event_dropped_total\\{class="priority",reason="${reason}"\\} 1`;
    t.ok(await measures(node, new RegExp(line)), reason);
  }
});
