// A node with simulated neighbours, as whole processes: what its page, health, metrics and log say
// of them, and that their thread may die without a lamp noticing.
import { join } from "node:path";
import mqtt from "mqtt";
import t from "tap";
import type { NeighbourPicture, NeighboursPicture } from "../../src/core/site/neighbours.ts";
import { folder, rowsOf, runToEnd, Stopline, siteText, until, writeSite } from "./support.ts";

interface Picture extends NeighboursPicture {
  readonly version: number;
}

/** The newest message of `state/json`. */
async function follow(t: { teardown(work: () => void): void }, url: string) {
  const client = await mqtt.connectAsync(url);
  t.teardown(() => client.end(true));
  const seen: { picture: Picture | null } = { picture: null };
  client.on("message", (_topic, payload) => {
    seen.picture = JSON.parse(payload.toString()) as Picture;
  });
  await client.subscribeAsync("stopline/1/+/+/+/state/json");
  return seen;
}

function heard({ phases, linkUp, lagMs }: NeighbourPicture): boolean {
  return linkUp && lagMs !== null && phases.length > 0;
}

function figure(text: string, name: string): number[] {
  const lines = text.split("\n").filter((line) => line.startsWith(name));
  return lines.map((line) => Number(line.slice(line.lastIndexOf(" "))));
}

t.test("two neighbours are heard, shown and measured", async (t) => {
  const data = join(folder(t), "data");
  const file = writeSite(folder(t), siteText());
  const node = new Stopline(t, ["run", file, "--sim-neighbours", "2", "--data", data]);
  t.ok(await node.opened(), node.err);
  const seen = await follow(t, node.place("mqtt") ?? "");
  const settled = () => {
    const all = seen.picture?.neighbours ?? [];
    return all.length === 2 && all.every(heard);
  };
  t.ok(await until(settled), JSON.stringify(seen.picture));
  const neighbours = seen.picture?.neighbours ?? [];
  t.same(
    neighbours.map(({ id }) => id),
    ["sim-1", "sim-2"],
  );
  t.ok(neighbours.every(({ incarnation }) => incarnation >= 1));
  t.ok(neighbours.every(({ stale, ageMs }) => !stale && ageMs !== null));

  const metrics = (await node.get("/metrics")).text;
  t.equal(figure(metrics, "event_lag_seconds{").length, 2, "a lag for each");
  t.ok((figure(metrics, "delta_bytes ")[0] ?? 0) > 0, "bytes of changes");
  t.ok(metrics.includes("cache_requests_total"));
  const health = (await node.get("/api/health")).text;
  t.match(health, /"neighbours","state":"ok","text":"2 of 2 heard/);

  node.kill("SIGTERM");
  t.same(await node.exit, { code: 0, signal: null });
  const starts = rowsOf(data).filter(({ kind }) => kind === "start");
  t.ok(starts.length >= 1, "a new folder is trusted once the neighbours have spoken");
});

t.test("a number that is none is refused before anything starts", async (t) => {
  const data = join(folder(t), "data");
  const { code, err } = await runToEnd(t, ["demo", "--sim-neighbours", "many", "--data", data]);
  t.equal(code, 1);
  t.match(err, /--sim-neighbours many is no number from 0 to 8/);
});
