// The files beside the log under power cuts: what the broker keeps, other nodes' logs in custody
// and the cache's copy. Each is cut at every change of a short life; what it said it had is there,
// and none is found damaged.
import t from "tap";
import { plant } from "../../src/core/planted.ts";
import { BrokerStore } from "../../src/log/broker-store.ts";
import { SqliteCacheStore } from "../../src/log/cache-store.ts";
import { openCustody } from "../../src/log/custody-schema.ts";
import { CustodyStore } from "../../src/log/custody-store.ts";
import { CustodyTable } from "../../src/log/custody-table.ts";
import type { CustodyPut, HistoryPosition } from "../../src/log/custody-types.ts";
import { openWriter } from "../../src/log/open.ts";
import type { Storage } from "../../src/log/storage.ts";
import { createVirtualDisk } from "../../src/sim/disk/disk.ts";
import { createRandom } from "../../src/sim/street/random.ts";
import { LIMITS } from "./custody-rig.ts";
import { edges, NOON_MS, OPTIONS } from "./support.ts";

const DIR = "/data";

/** A store's short life; it calls `said` with a rising number whenever that much is durable. */
type Life = (storage: Storage, said: (number: number) => void) => void;
/** How far what is left goes; what is wrong with it goes to `faults`. */
type Look = (storage: Storage, faults: string[]) => number;

async function disk(seed: number) {
  const made = await createVirtualDisk({ random: createRandom(seed), nowMs: () => NOON_MS });
  made.storage.files.makeDir(DIR);
  return made;
}

/** Cuts a life at each change, and once more while what is left is opened. */
async function cutEverywhere(life: Life, look: Look): Promise<string[]> {
  const whole = await disk(0);
  life(whole.storage, () => undefined);
  const changes = whole.figures.operations;
  whole.dispose();
  const faults: string[] = [];
  let most = 0;
  for (let at = 0; at <= changes; at += 1) {
    const card = await disk(at);
    let durable = 0;
    card.stopAfter(at, "power", at % 3 === 0);
    attempt(() =>
      life(card.storage, (number) => {
        // What is said by a machine that has no power any more is not heard.
        if (!card.isOff) durable = number;
        most = Math.max(most, durable);
      }),
    );
    if (!card.isOff) card.cut();
    card.start();
    card.stopAfter(at % 7);
    attempt(() => look(card.storage, []));
    if (!card.isOff) card.cut();
    card.start();
    const found = look(card.storage, faults);
    if (found < durable) faults.push(`cut at ${at}: ${durable} was durable, ${found} is left`);
    card.dispose();
  }
  if (most < 10) faults.push(`only ${most} was ever said to be durable`);
  return faults;

  function attempt(work: () => void): void {
    try {
      work();
    } catch {
      // The power failed inside.
    }
  }
}

const brokerLife: Life = (storage, said) => {
  const store = new BrokerStore(storage, `${DIR}/broker.db`);
  store.load();
  store.apply({ whole: true, changes: [] });
  for (let number = 1; number <= 12; number += 1) {
    const payload = Uint8Array.of(number);
    store.apply({
      whole: false,
      changes: [
        { kind: "session", id: "a", leftMs: NOON_MS },
        { kind: "message", number, topic: "events", payload, qos: 1 },
        { kind: "queue", id: "a", number, qos: 1, packet: null, released: false },
        { kind: "retain", topic: "state", payload, qos: 1 },
      ],
    });
    said(number);
  }
  store.close();
};

const lookAtBroker: Look = (storage) => {
  const store = new BrokerStore(storage, `${DIR}/broker.db`);
  const changes = store.load();
  store.close();
  const queued = changes.filter(({ kind }) => kind === "queue").length;
  const retained = changes.find(({ kind }) => kind === "retain");
  const newest = retained?.kind === "retain" ? (retained.payload?.[0] ?? 0) : 0;
  if (newest !== queued) throw new Error(`${queued} queued, ${newest} retained: half a commit`);
  return newest;
};

t.test("what the broker keeps", async (t) => {
  t.same(await cutEverywhere(brokerLife, lookAtBroker), []);
});

const cacheLife: Life = (storage, said) => {
  const cache = new SqliteCacheStore(storage, DIR);
  for (let number = 1; number <= 15; number += 1) {
    const entries = ["a", "b"].map((key) => ({ key, bytes: Uint8Array.of(number), atMs: NOON_MS }));
    cache.put(entries, "through", number);
    if (cache.trouble === null) said(number);
  }
  cache.close(20);
};

const lookAtCache: Look = (storage, faults) => {
  const cache = new SqliteCacheStore(storage, DIR);
  const entries = cache.load();
  faults.push(...cache.takeNotices());
  cache.close(0);
  return entries.find(({ key }) => key === "a")?.bytes[0] ?? 0;
};

t.test("the cache's copy", async (t) => {
  t.same(await cutEverywhere(cacheLife, lookAtCache), []);
});

function custody(storage: Storage, notices: string[]): CustodyStore {
  return new CustodyStore(new CustodyTable(openCustody(storage, DIR, notices)), LIMITS);
}

/** What an origin hands over, in the order in which it does. */
async function historyOfOrigin(): Promise<readonly CustodyPut[]> {
  const origin = await disk(99);
  const writer = openWriter("/origin", OPTIONS, origin.storage);
  writer.append(edges(120), NOON_MS);
  const { incarnation, boot } = writer;
  const puts: CustodyPut[] = [];
  let position: HistoryPosition | null = null;
  for (;;) {
    const { rows } = writer.ownRows(position, { rows: 10, bytes: 65_536 });
    const last = rows.at(-1);
    if (last === undefined) break;
    puts.push({ origin: "a", incarnation, boot, rows, lapsed: false });
    position = { incarnation: last.incarnation, seq: last.seq, hash: last.hash };
  }
  origin.dispose();
  return puts;
}

/** The keeper's card is cut. */
async function custodyFaults(): Promise<string[]> {
  const puts = await historyOfOrigin();
  const life: Life = (storage, said) => {
    const store = custody(storage, []);
    for (const put of puts) said(store.put(put).position?.seq ?? 0);
    store.close();
  };
  return cutEverywhere(life, (storage, notices) => {
    const store = custody(storage, notices);
    const seq = store.held("a")?.head?.seq ?? 0;
    store.close();
    return seq;
  });
}

t.test("other nodes' logs in custody", async (t) => {
  t.same(await custodyFaults(), []);
});

t.test("planted: a custodian that acknowledges before its commit is found", async (t) => {
  plant("acknowledged-before-commit");
  t.teardown(() => plant(null));
  const faults = await custodyFaults();
  t.ok(faults.length > 5, `${faults.length} faults`);
});
