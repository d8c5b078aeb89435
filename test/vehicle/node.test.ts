// Vehicle agents at a real node in a process of its own: frozen, behind a channel that holds its
// words back, in the failure display, started anew, and joined late. Judged by the order of what
// the agents decide and by the node's own stamps, never by how long anything took.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import mqtt from "mqtt";
import { VehicleAgent } from "stopline/vehicle";
import t, { type Test } from "tap";
import { freePort } from "../../src/cli/free-ports.ts";
import type { Decision } from "../../src/vehicle/machine.ts";
import { SPAT_VALID_MS } from "../../src/wire/spat.ts";
import { folder, Stopline, siteText, until, writeSite } from "../cli/support.ts";
import { HeldChannel } from "./held-channel.ts";

const NODE = { region: "demo", zone: "riverside", id: "mill-lane" };
const EXAMPLE = fileURLToPath(new URL("../../examples/vehicle.ts", import.meta.url));
/** Green from the first moment under control, and whenever nobody else calls. */
const PHASE = 2;
/** As old as the node lets a picture grow, and how often it looks. */
const LAG_MS = 350;

t.jobs = 3;

/** Starts a node; its broker's address. */
async function start(
  t: Test,
  { dir = folder(t), port = 0, id = NODE.id }: { dir?: string; port?: number; id?: string } = {},
): Promise<{ node: Stopline; url: string }> {
  const text = siteText({ mqtt: port }).replace(`id: ${NODE.id}`, `id: ${id}`);
  const site = writeSite(dir, text);
  const node = new Stopline(t, ["run", site, "--data", join(dir, "data")]);
  t.ok(await node.opened(), "the node has started");
  return { node, url: node.place("mqtt") ?? "" };
}

/** An agent in front of the phase's stop line, and all that it decided, in order. */
class Witness {
  readonly decisions: Decision[] = [];
  readonly agent: VehicleAgent;

  /** In front of one node, or of several in a row, 300 m apart. */
  constructor(t: Test, ...places: readonly (string | { id: string; url: string })[]) {
    const links = places.map((place, index) => {
      const named = typeof place === "string" ? { url: place } : place;
      const end = { junction: { ...NODE, ...named }, by: { phase: PHASE } };
      return { id: `link-${index}`, lengthM: 300, speedMps: 13.9, end };
    });
    this.agent = new VehicleAgent({ routes: [{ id: "only", links }] });
    this.agent.on("decision", (decision) => this.decisions.push(decision));
    t.teardown(() => this.agent.close());
  }

  get last(): Decision | undefined {
    return this.decisions.at(-1);
  }

  greens(from = 0): Decision[] {
    return this.decisions.slice(from).filter(({ light }) => light?.light === "green");
  }

  async sees(light: string): Promise<boolean> {
    return await until(() => this.last?.light?.light === light);
  }

  async doubts(doubt: string): Promise<boolean> {
    return await until(() => this.last?.light?.doubt === doubt);
  }

  /** Decisions that believe a picture older than any may be, by the node's own stamp. */
  stale(): Decision[] {
    return this.decisions.filter(({ atMs, light, spat }) => {
      const ageMs = performance.timeOrigin + atMs - (spat?.wallMs ?? Number.POSITIVE_INFINITY);
      return light?.light !== "unknown" && ageMs > SPAT_VALID_MS + LAG_MS;
    });
  }
}

t.test("a frozen node: no light is believed until it speaks again", async (t) => {
  const { node, url } = await start(t);
  const witness = new Witness(t, url);
  t.ok(await witness.sees("green"));
  node.kill("SIGSTOP");
  t.ok(await witness.doubts("expired"));
  const frozen = witness.decisions.length;
  const lastWallMs = Math.max(...witness.decisions.map(({ spat }) => spat?.wallMs ?? 0));
  // Long enough for the connection to be given up and tried again.
  t.ok(await until(() => witness.decisions.length > frozen));
  t.same(witness.greens(frozen), []);
  node.kill("SIGCONT");
  t.ok(await until(() => witness.decisions.some(({ spat }) => (spat?.wallMs ?? 0) > lastWallMs)));
  t.ok(await witness.sees("green"), "green again after start-up");
  const [again] = witness.greens(frozen);
  t.ok(again !== undefined && (again.spat?.wallMs ?? 0) > lastWallMs, "and by a new message");
  t.same(witness.stale(), []);
});

t.test("a stalled channel: what it lets go is not believed", async (t) => {
  const { url } = await start(t);
  const channel = await HeldChannel.open(t, url);
  const witness = new Witness(t, channel.url);
  t.ok(await witness.sees("green"));
  channel.hold();
  t.ok(await witness.doubts("expired"));
  // Some seconds of the node's beat, all of it green or yellow as it was.
  t.ok(await until(() => channel.held.length >= 8));
  const before = witness.decisions.length;
  const taken = witness.agent.counts.taken;
  channel.release();
  t.ok(await until(() => witness.agent.counts.taken > taken + 2), "the backlog has come");
  t.ok(await until(() => witness.last?.light?.light !== "unknown"), "and then fresh words");
  t.equal(witness.decisions[before]?.light?.light, "unknown", "the first of the backlog");
  t.same(witness.stale(), []);
});

t.test("a channel that was late from the beginning proves nothing", async (t) => {
  const { url } = await start(t);
  const first = new Witness(t, url);
  t.ok(await first.sees("green"), "the junction is green");
  const channel = await HeldChannel.open(t, url);
  channel.delay(1_000);
  const witness = new Witness(t, channel.url);
  t.ok(await until(() => witness.agent.counts.taken >= 6));
  t.same(witness.greens(), []);
  channel.release();
  t.ok(await witness.sees("green"), "believed once it is prompt");
  t.same(witness.stale(), []);
});

t.test("the failure display and who joins during it: no green", async (t) => {
  const { node, url } = await start(t);
  const witness = new Witness(t, url);
  t.ok(await witness.sees("green"));
  const operator = await mqtt.connectAsync(url, {
    protocolVersion: 4,
    username: "operator",
    password: node.secret(),
  });
  t.teardown(() => operator.endAsync(true));
  const id = "00112233445566778899aabbccddeeff";
  const issued = Date.now();
  const order = { id, issued, expires: issued + 30_000, command: "flash" };
  const topic = `stopline/1/${NODE.region}/${NODE.zone}/${NODE.id}/command/${id}`;
  await operator.publishAsync(topic, JSON.stringify(order), { qos: 1 });
  t.ok(await until(() => /stop|display/.test(witness.last?.light?.doubt ?? "")), "it stops");
  const stopped = witness.decisions.length;
  t.ok(await witness.doubts("failure-display"));
  const late = new Witness(t, url);
  t.ok(await late.doubts("failure-display"));
  t.ok(await until(() => late.agent.counts.taken > 5));
  t.same(late.greens(), []);
  t.same(witness.greens(stopped), []);
});

t.test("a subscriber that joins late believes only what was said since", async (t) => {
  const { url } = await start(t);
  const early = new Witness(t, url);
  t.ok(await early.sees("green"));
  const joinedMs = performance.timeOrigin + performance.now();
  const late = new Witness(t, url);
  t.ok(await late.sees("green"));
  t.ok((late.greens()[0]?.spat?.wallMs ?? 0) >= joinedMs - LAG_MS);
  t.same(late.stale(), []);
});

t.test("from node to node without a gap, and the passed one is left", async (t) => {
  const [first, second] = await Promise.all([start(t), start(t, { id: "next" })]);
  const witness = new Witness(t, first.url, { id: "next", url: second.url });
  t.ok(await witness.sees("green"));
  // Its light, in whatever state, is believed before it is the next one.
  const ahead = () => witness.agent.counts.taken;
  const before = ahead();
  t.ok(await until(() => ahead() > before + 6));
  witness.agent.position({ atM: 299, speedMps: 10 });
  t.match(witness.last, { junction: "demo/riverside/mill-lane" });
  witness.agent.position({ atM: 301, speedMps: 10 });
  t.match(witness.last, { junction: "demo/riverside/next", cause: "position" });
  t.notMatch(witness.last?.light?.doubt ?? "", /not-heard|no-phase/);
  const passed = witness.decisions.length;
  t.ok(await until(() => witness.decisions.length > passed + 4));
  t.ok(witness.decisions.slice(passed).every(({ junction }) => junction?.endsWith("/next")));
});

t.test("killed and started anew: nothing between, then the new incarnation", async (t) => {
  const port = await freePort();
  const dir = folder(t);
  const { node, url } = await start(t, { dir, port });
  const witness = new Witness(t, url);
  t.ok(await witness.sees("green"));
  node.kill("SIGKILL");
  await node.exit;
  t.ok(await witness.doubts("expired"));
  const dead = witness.decisions.length;
  const before = Math.max(...witness.decisions.map(({ spat }) => spat?.incarnation ?? 0));
  await start(t, { dir, port });
  t.ok(await witness.sees("green"));
  t.ok(witness.greens(dead).every(({ spat, cause }) => spat !== null || cause !== "spat"));
  const [again] = witness.greens(dead);
  t.ok((again?.spat?.incarnation ?? 0) > before);
  t.same(witness.stale(), []);
});

t.test("the example, at the demo's junction", async (t) => {
  const node = new Stopline(t, ["demo", "--data", join(folder(t), "data")]);
  t.ok(await node.opened());
  const script = 'unset NODE_OPTIONS; exec "$@"';
  const args = [process.execPath, EXAMPLE, node.place("mqtt") ?? ""];
  const child = spawn("sh", ["-c", script, "sh", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.teardown(() => child.kill("SIGKILL"));
  let out = "";
  child.stdout.on("data", (bytes: Buffer) => {
    out += bytes.toString();
  });
  t.ok(await until(() => child.exitCode !== null || /beyond the line/.test(out)), out);
  t.match(out, /^connected$/m);
  t.match(out, /m before the line, (starting|red|green|yellow): /);
});
