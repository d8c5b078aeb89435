// The demo's street for a virtual day through the whole node (street, virtual cabinet with the
// firmware's core, interlock, controller) into the log, with the groups that the log client would
// make: events wait a second, or none where one of them must be durable first. The disk is real.
import { readFileSync } from "node:fs";
import { GROUP_MS } from "../../src/log/client.ts";
import { KINDS, type NodeEvent } from "../../src/log/events.ts";
import { openWriter } from "../../src/log/open.ts";
import { VirtualRun } from "../../src/node/virtual-run.ts";
import { createStreet } from "../../src/sim/street/street.ts";
import { parseSite } from "../../src/sitefile/load.ts";

const STEP_MS = 100;
const RETAIN_MS = 60_000;
const DAY_MS = 86_400_000;

export interface DayFigures {
  readonly commitsPerS: number;
  readonly bytesPerDay: number;
  readonly rowsPerDay: number;
  readonly fileBytesPerDay: number;
}

/** Bytes that this process has handed to write calls, by any of its threads. */
function bytesWritten(): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1] ?? Number.NaN);
}

function demoSite() {
  const path = new URL("../../config/demo.yaml", import.meta.url);
  const read = parseSite(readFileSync(path, "utf8"), "config/demo.yaml");
  if (!read.ok) throw new Error(read.problems.join("\n"));
  return read.site;
}

/** Runs `hours` of virtual time; rates per day are scaled from them. */
export function measureDay(dir: string, hours: number): DayFigures {
  const site = demoSite();
  const startMs = Date.UTC(2026, 0, 5);
  const { maxBytes, keepMs } = site.log;
  const before = bytesWritten();
  const made = { version: "bench", site: "demo", cause: "bench", nowMs: startMs };
  const writer = openWriter(dir, { ...made, maxBytes, keepMs });
  let group: NodeEvent[] = [];
  let dueMs = Number.POSITIVE_INFINITY;
  let urgent = false;
  const run = new VirtualRun({
    site,
    wallMs: (monoMs) => startMs + monoMs,
    onEffect: (effect, now) => {
      if (effect.kind !== "log") return;
      if (group.length === 0) dueMs = now.monoMs + GROUP_MS;
      group.push(effect.event);
      urgent ||= KINDS[effect.event.kind].durable;
    },
  });
  const street = createStreet(site, site.street?.seed ?? 1);
  const endMs = hours * 3_600_000;
  for (let nowMs = STEP_MS; nowMs <= endMs; nowMs += STEP_MS) {
    run.advance(nowMs);
    for (const { input, on } of street.advance(nowMs, run.cabinet.lamps())) {
      run.cabinet.setInput(input, on);
    }
    if (urgent || nowMs >= dueMs) {
      writer.append(group, startMs + nowMs);
      group = [];
      urgent = false;
      dueMs = Number.POSITIVE_INFINITY;
      writer.snapshotIfDue(startMs + nowMs);
    }
    if (nowMs % RETAIN_MS === 0) writer.retain(startMs + nowMs);
  }
  writer.snapshot(startMs + endMs);
  const { commits, seq, bytes } = writer.figures();
  writer.close();
  const perDay = DAY_MS / endMs;
  return {
    commitsPerS: commits / (endMs / 1000),
    bytesPerDay: (bytesWritten() - before) * perDay,
    rowsPerDay: seq * perDay,
    fileBytesPerDay: bytes * perDay,
  };
}
