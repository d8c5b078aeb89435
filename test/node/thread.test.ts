// A worker under watch, with a host whose workers are in the test's hands.
import t from "tap";
import { realTimers } from "../../src/log/timers.ts";
import type { Host, WorkerEvents } from "../../src/node/host.ts";
import { Thread } from "../../src/node/thread.ts";

t.test("what was under way from a worker that is gone is not heard", async (t) => {
  const workers: WorkerEvents[] = [];
  const host: Host = {
    timers: realTimers,
    spawn: (_plan, events) => {
      workers.push(events);
      return { post: () => undefined, terminate: () => undefined };
    },
    channel: () => {
      throw new Error("not asked for");
    },
    heapBytes: () => 0,
  };
  const heard: unknown[] = [];
  const thread = new Thread({
    host,
    name: "log",
    url: new URL("file:///log.ts"),
    data: () => ({ data: null, transfer: [] }),
    limits: () => ({}),
    onMessage: (message) => heard.push(message),
    onDeath: () => undefined,
  });
  thread.start(0);
  workers[0]?.message("opened");
  workers[0]?.exit(1);
  workers[0]?.message("opened, late");
  t.same(heard, ["opened"]);
  thread.start(1_000);
  workers[0]?.message("opened, later still");
  workers[1]?.message("opened again");
  t.same(heard, ["opened", "opened again"]);
  await thread.stop(0);
});
