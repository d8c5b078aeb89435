// A process to be killed: appends numbered events for ever and prints how far they are durable.
import { writeSync } from "node:fs";
import { startHost } from "./host.ts";

const [dir = "", first = "0"] = process.argv.slice(2);
const host = startHost(dir, { data: { maxBytes: 90_000, snapshotRows: 60 } });
await host.opened();
for (let index = Number(first); ; ) {
  for (const end = index + 1 + (index % 40); index < end; index += 1) {
    host.client.append({ kind: "figure", body: [`n${index}`, index] });
  }
  await host.client.flush(60_000);
  writeSync(1, `${index - 1}\n`);
}
