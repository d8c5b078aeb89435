// The log thread with its two sides: groups, queries, commands, and what happens when it dies.
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import BetterSqlite3 from "better-sqlite3";
import t from "tap";
import { LogClient } from "../../src/log/client.ts";
import type { CommittedRows } from "../../src/log/door.ts";
import type { AppendMessage, FromLog, TellService } from "../../src/log/messages.ts";
import { LOG_FILE } from "../../src/log/open.ts";
import { LogReader } from "../../src/log/read.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
import { LogThread } from "../../src/log/thread.ts";
import { verifyLog } from "../../src/log/verify.ts";
import type { Command } from "../../src/wire/command.ts";
import { type Host, startHost } from "./host.ts";
import { command, edges, folder, withWriter } from "./support.ts";

function codesIn(dir: string): number {
  const reader = new LogReader(dir);
  try {
    t.same(verifyLog(new SnapshotFolder(dir), reader.database).problems, []);
    return [...reader.pages({ from: 0, kind: "code" })].flat().length;
  } finally {
    reader.close();
  }
}

/** A command whose times are the real clock's, as the thread judges them. */
function fresh(id: number, more: Partial<Command> = {}): Command {
  const now = Date.now();
  return command(id, { issuedMs: now, expiresMs: now + 30_000, ...more });
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await sleep(5);
}

async function started(dir: string, options: Parameters<typeof startHost>[1] = {}): Promise<Host> {
  const host = startHost(dir, options);
  await host.opened();
  return host;
}

t.test("events go in groups, a durable one at once with what came before it", async (t) => {
  const dir = folder(t);
  const host = await started(dir);
  const seen: CommittedRows[] = [];
  host.door.onCommitted = (rows) => void seen.push(rows);
  for (const event of edges(100)) host.client.append(event);
  t.equal(host.client.waiting.events, 100);
  host.client.append({ kind: "trip", body: ["conflict", true] });
  await until(() => seen.length > 0);
  t.equal(seen[0]?.rows.length, 101, "one commit");
  t.same([seen[0]?.incarnation, seen[0]?.missed], [1, 0]);
  t.equal(host.client.incarnation, 1);
  const rows = await host.door.query({ from: null, kinds: ["trip"], limit: 5 });
  t.same(rows[0]?.body, ["conflict", true]);
  await host.stop();
  t.equal(codesIn(dir), 100);
  t.equal(new SnapshotFolder(dir).list().length, 1, "an orderly stop leaves a snapshot");
});

t.test("events before the log is open wait for it", async (t) => {
  const dir = folder(t);
  const host = startHost(dir);
  for (const event of edges(10)) host.client.append(event);
  t.equal(await host.client.flush(60_000), true);
  t.equal(host.client.appended, 10);
  await host.stop();
  t.equal(codesIn(dir), 10);
});

t.test("a thread that dies at any moment loses and doubles nothing", async (t) => {
  const dir = folder(t);
  const host = await started(dir);
  let count = 0;
  for (let round = 0; round < 6; round += 1) {
    for (const event of edges(200, count)) host.client.append(event);
    count += 200;
    const flushed = host.client.flush(60_000);
    await sleep(round);
    await host.restart();
    t.equal(await flushed, true);
    t.equal(host.client.incarnation, 1, "the node did not restart");
  }
  await host.stop();
  t.equal(codesIn(dir), count);
});

t.test("a command is durable before its effect, its answer before it is told", async (t) => {
  const dir = folder(t);
  const order: string[] = [];
  const host: Host = await started(dir, {
    effect: async ({ id }) => {
      const rows = await host.door.query({ from: null, kinds: ["command"], limit: 1 });
      order.push(`effect after ${rows.at(-1)?.body[0] === id ? "row" : "nothing"}`);
      return null;
    },
  });
  const given = fresh(1);
  const [first, second] = await Promise.all([host.door.run(given), host.door.run(given)]);
  t.same(first, second);
  t.equal(first.ok, true);
  t.same(order, ["effect after row"], "one effect for two deliveries");
  t.same(await host.door.run(given), first, "a late repeat gets the stored answer");
  t.match(await host.door.run({ ...given, body: { kind: "flash" } }), {
    ok: false,
    reason: /another/,
  });
  await host.stop();
  t.match(await host.door.run(fresh(2)), { ok: false, reason: "the log is closed" });
});

t.test(
  "a crash between acceptance and answer: resumed while unexpired, else interrupted",
  async (t) => {
    const dir = folder(t);
    const now = Date.now();
    withWriter(dir, (writer) => {
      writer.transaction(now, (add) => {
        writer.commands.accept(fresh(1), now, add);
        writer.commands.accept(
          command(2, { issuedMs: now - 60_000, expiresMs: now - 1 }),
          now,
          add,
        );
      });
    });
    const done: string[] = [];
    const host = await started(dir, {
      effect: async ({ id }) => {
        done.push(id);
        return null;
      },
    });
    const results = async () =>
      await host.door.query({ from: null, kinds: ["command-result"], limit: 9 });
    while ((await results()).length < 2) await sleep(5);
    t.same(done, [command(1).id]);
    t.same((await results()).map(({ body }) => body.slice(0, 4)).sort(), [
      [command(1).id, "operator", true, null],
      [command(2).id, "operator", false, "interrupted"],
    ]);
    await host.stop();
  },
);

t.test("a folder that is in use is said, and taken when it is free", async (t) => {
  const dir = folder(t);
  const troubles: [string | null, boolean][] = [];
  let host: Host | null = null;
  withWriter(dir, () => undefined);
  const first = await started(dir);
  host = startHost(dir, { onTrouble: (reason, fatal) => void troubles.push([reason, fatal]) });
  host.client.append({ kind: "alarm", body: ["x", 1, true] });
  await until(() => troubles.length > 0);
  t.match(troubles[0], [/in use by another stopline/, true]);
  t.match(host.client.trouble, /in use/);
  await first.stop();
  t.equal(await host.client.flush(60_000), true);
  t.equal(host.client.trouble, null);
  await host.stop();
  withWriter(dir, (writer) => {
    const kinds = ["alarm", "fault"];
    t.same(
      writer.query({ from: null, kinds, limit: 9 }).map((row) => row.kind),
      ["fault", "alarm"],
    );
  });
});

t.test("a batch that a thread committed before it died is not written twice", async (t) => {
  const dir = folder(t);
  const posted: AppendMessage[] = [];
  const client = new LogClient({
    post: (message) => {
      if (message.kind === "append") posted.push(message);
      return true;
    },
  });
  const limits = { maxBytes: 1e8, keepMs: 1e12 };
  const runThread = (work: (thread: LogThread) => void): void => {
    const thread = new LogThread({
      data: client.threadData({ dir, version: "0", site: "", cause: "", ...limits }),
      // Of its answers only the opening comes through: it dies before the rest.
      tell: (message) => {
        if (message.kind === "opened") client.take(message);
      },
      onStopped: () => undefined,
    });
    thread.start();
    work(thread);
    thread.take({ kind: "stop" });
    client.threadDied();
  };
  runThread((thread) => {
    for (const event of edges(30)) client.append(event);
    void client.flush(0);
    t.equal(posted.length, 1);
    for (const message of posted) thread.take(message);
  });
  runThread((thread) => {
    t.match(posted[1], { batch: 1, repeated: true }, "sent again to the new thread");
    for (const message of posted.slice(1)) thread.take(message);
  });
  t.equal(codesIn(dir), 30);
});

t.test(
  "a receiver that takes nothing costs no memory and is told how much it missed",
  async (t) => {
    const dir = folder(t);
    const told: FromLog[] = [];
    const thread = new LogThread({
      data: { dir, version: "0", site: "", cause: "", maxBytes: 1e8, keepMs: 1e9, resume: null },
      tell: (message) => void told.push(message),
      onStopped: () => undefined,
    });
    thread.start();
    const { port1, port2 } = new MessageChannel();
    const seen: TellService[] = [];
    port2.on("message", (message: TellService) => void seen.push(message));
    thread.take({ kind: "attach", who: "service", port: port1 });
    const append = (batch: number): void => {
      const events = edges(10, batch * 10);
      thread.take({ kind: "append", batch, events, after: 0, repeated: false });
    };
    for (let batch = 1; batch <= 40; batch += 1) append(batch);
    await until(() => seen.length >= 16);
    await sleep(50);
    t.equal(seen.length, 16, "no more under way than agreed");
    t.equal(told.filter(({ kind }) => kind === "committed").length, 40, "the log went on");
    port2.postMessage({ kind: "taken" });
    await sleep(20);
    append(41);
    await until(() => seen.length > 16);
    t.match(seen[16], { kind: "committed", missed: 240 });
    thread.take({ kind: "stop" });
    port2.close();
  },
);

t.test("a file that another holds: nothing is lost, the log says it and goes on", async (t) => {
  const dir = folder(t);
  const troubles: (string | null)[] = [];
  const host = await started(dir, { onTrouble: (reason) => void troubles.push(reason) });
  const other = new BetterSqlite3(join(dir, LOG_FILE));
  other.exec("BEGIN IMMEDIATE");
  for (const event of edges(50)) host.client.append(event);
  const flushed = host.client.flush(60_000);
  await until(() => troubles.length > 0);
  t.match(troubles[0], /SQLITE_BUSY/);
  t.equal(host.client.waiting.events, 0, "they are on their way, and stay so");
  other.exec("ROLLBACK");
  other.close();
  t.equal(await flushed, true);
  t.equal(troubles.at(-1), null);
  await host.stop();
  t.equal(codesIn(dir), 50);
});
