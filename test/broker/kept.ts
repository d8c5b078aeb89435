// A broker that keeps sessions on a disk, with clients that have them, and its death.
import type { Test } from "tap";
import type { BrokerEvent } from "../../src/broker/broker.ts";
import type { BrokerLimits } from "../../src/broker/limits.ts";
import type { AclEntry } from "../../src/core/site/model.ts";
import { openDisk, type TestDisk } from "./disk.ts";
import { startBroker } from "./support.ts";

export const OPEN = [{ client: "*", publish: ["#"], subscribe: ["#"], deny: [] }];
export const KEPT = { clientId: "kept", clean: false };
/** Commits that don't hold a test up; how many a second there may be is a test of its own. */
export const QUICK = { commitGroupMs: 1, commitsPerS: 10_000, idleCommitMs: 5 };

interface Start {
  readonly acl?: readonly AclEntry[];
  readonly limits?: Partial<BrokerLimits>;
  readonly wallMs?: () => number;
}

export async function start(t: Test, dir: string, options: Start = {}) {
  const disk = openDisk(dir);
  const events: BrokerEvent[] = [];
  const running = await startBroker(t, {
    acl: OPEN,
    ...options,
    limits: { ...QUICK, ...options.limits },
    disk,
    onEvent: (event) => events.push(event),
  });
  t.teardown(() => disk.close());
  return { ...running, disk, events };
}

/** From here on the disk hears nothing more: the process might as well be dead. */
export async function crash({
  broker,
  disk,
}: {
  broker: { close(): Promise<void> };
  disk: TestDisk;
}) {
  disk.apply = () => new Promise(() => undefined);
  disk.close();
  void broker.close();
}
