// The abstract suite that Aedes publishes for its persistences, against ours with SQLite behind it:
// each of its tests has a store of its own in a folder of its own.
import assert from "node:assert";
import { createRequire } from "node:module";
import t from "tap";
import { DEFAULT_LIMITS } from "../../src/broker/limits.ts";
import { SessionStore } from "../../src/broker/sessions.ts";
import { dataFolder, openDisk } from "./disk.ts";

type Suite = (options: {
  readonly test: (name: string, run: (context: SuiteContext) => Promise<void>) => void;
  readonly testAsync: boolean;
  readonly persistence: () => Promise<SessionStore>;
}) => void;

/** What the suite uses of `node:test`. */
interface SuiteContext {
  readonly assert: object;
  plan(count: number): void;
  diagnostic(text: string): void;
}

const suite: Suite = createRequire(import.meta.url)("aedes-persistence/abstract.js");

/** So many that a test without limits of time is not a test of the limit. */
const LIMITS = { ...DEFAULT_LIMITS, commitGroupMs: 0, commitsPerS: 1_000_000 };

let running = { dir: "", close: (): void => undefined };

function store(): SessionStore {
  const disk = openDisk(running.dir);
  running.close = disk.close;
  const hooks = { isGranted: () => true, onDiscard: () => undefined };
  const clocks = { now: () => performance.now(), wallMs: () => Date.now() };
  return new SessionStore(LIMITS, hooks, { disk, ...clocks });
}

let tests = 0;

suite({
  testAsync: true,
  persistence: async () => store(),
  test: (name, run) => {
    tests += 1;
    t.test(name, async (t) => {
      running = { dir: dataFolder(t), close: () => undefined };
      let assertions = 0;
      let planned: number | null = null;
      const counting = new Proxy(assert, {
        get: (target, name) => {
          assertions += 1;
          return Reflect.get(target, name);
        },
      });
      await run({
        assert: counting,
        plan: (count) => {
          planned = count;
        },
        diagnostic: () => undefined,
      });
      running.close();
      if (planned !== null) t.equal(assertions, planned, "as many assertions as planned");
      t.pass(name);
    });
  },
});

t.test("the suite was there", async (t) => {
  t.ok(tests >= 40, `${tests} tests`);
});
