// Vehicles on their way from the broker to the mesh: coalesced, bounded, one message at a time.
import { MessageChannel } from "node:worker_threads";
import t from "tap";
import type { Sighting } from "../../src/broker/zones.ts";
import { FIELDS } from "../../src/core/state/schema.ts";
import type { ChannelPort } from "../../src/log/channel.ts";
import { hearSightings, Sightings } from "../../src/node/sightings.ts";

const MOST = FIELDS.vehicles.maxKeys;

/** A mesh thread's end that answers only when it is told to. */
class SlowPort implements ChannelPort {
  readonly sent: unknown[] = [];
  closed = false;
  #listen: (value: unknown) => void = () => undefined;
  postMessage(value: unknown): void {
    this.sent.push(value);
  }
  on(_event: "message", listen: (value: unknown) => void): void {
    this.#listen = listen;
  }
  close(): void {
    this.closed = true;
  }
  answer(): void {
    this.#listen("taken");
  }
}

function sighting(vehicle: string, leaseMs = 30_000): Sighting {
  return { vehicle, leaseMs };
}

t.test("of each vehicle the newest, and a message only after the last was taken", async (t) => {
  const sightings = new Sightings();
  const port = new SlowPort();
  sightings.attach(port);
  sightings.flush();
  t.same(port.sent, [], "nothing to say");
  sightings.take(sighting("v-1", 10_000));
  sightings.take(sighting("v-1"));
  sightings.take(sighting("v-2"));
  sightings.flush();
  t.same(port.sent, [{ sightings: [sighting("v-1"), sighting("v-2")] }]);
  sightings.take(sighting("v-3"));
  sightings.flush();
  t.equal(port.sent.length, 1, "the mesh thread has not taken the first");
  port.answer();
  sightings.flush();
  t.equal(port.sent.length, 2);
  t.equal(sightings.passed, 3);
  t.equal(sightings.dropped, 0);
});

t.test("a crowd is bounded, and what finds no room is counted", async (t) => {
  const sightings = new Sightings();
  sightings.take(sighting("v-0"));
  t.equal(sightings.dropped, 1, "nobody takes it");
  const [old, port] = [new SlowPort(), new SlowPort()];
  sightings.attach(old);
  sightings.take(sighting("v-0"));
  sightings.flush();
  for (let n = 0; n < MOST + 50; n += 1) sightings.take(sighting(`v-${n}`));
  t.equal(sightings.dropped, 51);
  sightings.attach(port);
  t.ok(old.closed);
  sightings.flush();
  t.equal((port.sent[0] as { sightings: unknown[] }).sightings.length, MOST);
});

t.test("over a real channel each arrives once", async (t) => {
  const { port1, port2 } = new MessageChannel();
  t.teardown(() => port1.close());
  const seen: string[] = [];
  const sightings = new Sightings();
  sightings.attach(port1);
  const both = new Promise<void>((done) => {
    hearSightings(port2, ({ vehicle }) => {
      seen.push(vehicle);
      if (seen.length === 2) done();
      else sightings.take(sighting("v-2"));
    });
  });
  sightings.take(sighting("v-1"));
  const beat = setInterval(() => sightings.flush(), 5);
  await both;
  clearInterval(beat);
  t.same(seen, ["v-1", "v-2"]);
});
