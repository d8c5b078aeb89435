// A node's log whose files may not grow: the limit stands in for a full disk. Appends for ever,
// prints what the log says of itself, ends when it is told to.
import { writeSync } from "node:fs";
import { CLASS_BOUNDS } from "../../src/log/queue.ts";
import { startHost } from "./host.ts";

const [dir = ""] = process.argv.slice(2);
const say = (text: string): void => void writeSync(1, `${text}\n`);
const host = startHost(dir, {
  bounds: {
    ...CLASS_BOUNDS,
    codes: { policy: "drop-oldest", maxEvents: 100, maxBytes: 100_000 },
  },
  onTrouble: (reason) => say(reason === null ? "well" : `trouble ${reason}`),
});
await host.opened();
let index = 0;
const timer = setInterval(() => {
  for (let count = 0; count < 10; count += 1) {
    host.client.append({ kind: "code", body: [1, index, "x".repeat(200)] });
    index += 1;
  }
  const { events } = host.client.waiting;
  if (host.client.trouble !== null && host.client.dropped.codes > 200) say(`waiting ${events}`);
  void host.client.flush(1_000);
}, 10);
process.stdin.on("end", async () => {
  clearInterval(timer);
  await host.stop();
  say(`end ${index} ${host.client.dropped.codes}`);
});
process.stdin.resume();
