// A data folder for one test, a writer's options, and events like those of a junction.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NodeEvent } from "../../src/log/events.ts";
import { openWriter } from "../../src/log/open.ts";
import type { LogWriter, WriterOptions } from "../../src/log/writer.ts";
import type { Command } from "../../src/wire/command.ts";
import type { CommandBody } from "../../src/wire/command-body.ts";

export const NOON_MS = Date.UTC(2024, 3, 15, 12);

export const OPTIONS: WriterOptions = {
  version: "0.1.0",
  site: "5ebc",
  cause: "test",
  maxBytes: 100_000_000,
  keepMs: 30 * 86_400_000,
  nowMs: NOON_MS,
};

interface Cleaning {
  teardown(work: () => void): void;
}

export function folder(t: Cleaning): string {
  const dir = mkdtempSync(join(tmpdir(), "stopline-log-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Opens, works, closes: what a start of the node does. */
export function withWriter<T>(
  dir: string,
  work: (writer: LogWriter) => T,
  options: Partial<WriterOptions> = {},
): T {
  const writer = openWriter(dir, { ...OPTIONS, ...options });
  try {
    return work(writer);
  } finally {
    writer.close();
  }
}

/** A detector's edge: the `index`-th of a recording with one every 100 ms. */
export function edge(index: number): NodeEvent {
  const code = index % 2 === 0 ? 82 : 81;
  return { kind: "code", body: [code, 1 + (index % 40), null], at: NOON_MS + index * 100 };
}

export function edges(count: number, from = 0): NodeEvent[] {
  return Array.from({ length: count }, (_, index) => edge(from + index));
}

export function command(id: number, more: Partial<Command> = {}): Command {
  const body: CommandBody = { kind: "call", phase: 2, pedestrian: false };
  return {
    id: id.toString(16).padStart(32, "0"),
    author: "operator",
    via: "mqtt",
    issuedMs: NOON_MS,
    expiresMs: NOON_MS + 30_000,
    body,
    ...more,
  };
}

/** Rows of made-up serials, as long as real ones. */
export function revocations(count: number): NodeEvent[] {
  return Array.from({ length: count }, (_, at) => ({
    kind: "revocation",
    body: [(4_096 + at).toString(16), new Uint8Array(130).fill(at), "zone"],
  }));
}
