// A process that starts on what a power cut left, as often as folders are given: its own power is
// cut as well.
//
//   node recover.ts ROOT NAME...
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { openWriter } from "../../../src/log/open.ts";
import { OPTIONS } from "../support.ts";

const [root = "", ...names] = process.argv.slice(2);
const marks = openSync(process.env.STOPLINE_RECORD_MARKS ?? "/dev/null", "a");

function mark(what: string, value: unknown): void {
  writeSync(marks, JSON.stringify([what, value]));
}

for (const [index, name] of names.entries()) {
  mark("begin", name);
  const writer = openWriter(join(root, name, "data"), { ...OPTIONS, nowMs: Date.now() });
  mark("opened", writer.incarnation);
  writer.append([{ kind: "figure", body: ["recovered", -1, ""] }], Date.now());
  writer.snapshot(Date.now());
  // Half of them end in order: the WAL is moved into the file and removed.
  if (index % 2 === 0) writer.close();
  mark("end", name);
}
process.kill(process.pid, "SIGKILL");
