// Four machines in a ring, and all that may happen to them, drawn from one seed.
import { CALM, type Links, random, Zone } from "./machines.ts";

export const RING: Links = { a: ["b", "d"], b: ["a", "c"], c: ["b", "d"], d: ["c", "a"] };
export const IDS = Object.keys(RING);

/** One thing that happens, drawn from numbers. */
export function happen(zone: Zone, draw: () => number): void {
  const id = IDS[Math.floor(draw() * IDS.length)] ?? "a";
  const [other] = RING[id] ?? [];
  const member = zone.member(id);
  const what = draw();
  if (!member.running) {
    if (what < 0.5) zone.start(id, { trusted: draw() < 0.7 });
    return;
  }
  if (what < 0.3) {
    const states = ["red", "green", "yellow"] as const;
    const phase = 1 + Math.floor(draw() * 4);
    zone.setPhase(id, phase, states[Math.floor(draw() * 3)] ?? "red", zone.nowMs + draw() * 9_000);
  } else if (what < 0.55) zone.count(id, 1 + Math.floor(draw() * 3));
  else if (what < 0.65) {
    const active = draw() < 0.5;
    zone.commit(id, { kind: "fault", body: [`part ${Math.floor(draw() * 3)}`, active, "text"] });
  } else if (what < 0.75) {
    zone.step(id, { kind: "write", direction: `way ${Math.floor(draw() * 2)}`, value: draw() });
  } else if (what < 0.82) {
    const vehicle = `v${Math.floor(draw() * 5)}`;
    zone.step(id, { kind: "sighting", vehicle, leaseMs: 600_000 });
  } else if (what < 0.88) zone.step(id, { kind: "passage", link: "a-b", into: 1, outOf: 0 });
  else if (what < 0.94 && other !== undefined) zone.cut(id, other, draw() < 0.5);
  else if (what < 0.97) zone.stop(id);
}

export function calm(zone: Zone): void {
  zone.weather = CALM;
  for (const id of IDS) {
    for (const other of RING[id] ?? []) zone.cut(id, other, false);
    if (!zone.member(id).running) zone.start(id);
  }
  zone.run(40_000);
}

/** Every copy of every origin's state that must be equal, by name. */
export function differences(zone: Zone): string[] {
  const found: string[] = [];
  for (const origin of IDS) {
    for (const stream of [0, 1, 2, 3] as const) {
      const own = JSON.stringify(zone.mesh(origin).replica(stream).canonical(origin));
      const holders = stream < 2 ? (RING[origin] ?? []) : IDS;
      for (const holder of holders) {
        const copy = JSON.stringify(zone.mesh(holder).replica(stream).canonical(origin));
        if (copy !== own) found.push(`${origin} ${stream} at ${holder}: ${copy} is not ${own}`);
      }
    }
  }
  return found;
}

function countsOf(zone: Zone): Map<string, number> {
  const counts = new Map<string, number>();
  for (const holder of IDS) {
    for (const origin of RING[holder] ?? []) {
      for (const channel of [1, 2, 3]) {
        const total = zone.mesh(holder).replica(1).total("counted", channel, origin);
        counts.set(`${holder} ${origin} ${channel}`, total);
      }
    }
  }
  return counts;
}

/** The first counter that stepped back in a machine that went on running, or null. */
function stepBack(before: Map<string, number>, now: Map<string, number>, same: Set<string>) {
  for (const [key, total] of now) {
    const last = before.get(key) ?? 0;
    if (same.has(key.split(" ")[0] ?? "") && total < last) return `${key}: ${last} to ${total}`;
  }
  return null;
}

/** Lives through a seed; what went wrong, a line each. */
export function live(seed: number, rounds = 120): { zone: Zone; wrong: string[] } {
  const draw = random(seed);
  const zone = new Zone(RING, seed);
  for (const id of IDS) zone.start(id);
  zone.run(500);
  const wrong: string[] = [];
  let before = countsOf(zone);
  for (let round = 0; round < rounds; round++) {
    zone.weather = { loss: draw() * 0.4, double: draw() * 0.3, delayMs: draw() * 400 };
    const meshes = new Map(IDS.map((id) => [id, zone.mesh(id)]));
    happen(zone, draw);
    zone.run(200);
    const now = countsOf(zone);
    const same = new Set(IDS.filter((id) => meshes.get(id) === zone.mesh(id)));
    const back = stepBack(before, now, same);
    if (back !== null) wrong.push(`stepped back at ${zone.nowMs}: ${back}`);
    before = now;
  }
  calm(zone);
  wrong.push(...differences(zone));
  for (const id of IDS) {
    const alarms = zone.member(id).alarms.filter(({ what }) => what !== "alone");
    wrong.push(...alarms.map(({ what, subject }) => `alarm of ${id}: ${what} ${subject}`));
  }
  return { zone, wrong };
}
