// The node's broker in a thread of its own, for the demo's site on one port, open to everybody.
import { workerData } from "node:worker_threads";
import { createBroker } from "../../src/broker/broker.ts";
import { readSite } from "../../src/node/read-site.ts";

const { port } = workerData as { readonly port: number };
const read = await readSite(new URL("../../config/demo.yaml", import.meta.url).pathname);
if (!read.ok) throw new Error(read.problems.join("\n"));
const { site } = read;
const listeners = [{ address: "127.0.0.1", port }];
const broker = await createBroker({
  site: { ...site, broker: { ...site.broker, listeners } },
  secret: "",
  onCommand: async ({ id }) => ({ id, ok: true, reason: null, atMs: 0 }),
  onDetector: () => undefined,
  onEvent: () => undefined,
});
const { problems } = await broker.listen();
if (problems.length > 0) throw new Error(problems.join("\n"));
