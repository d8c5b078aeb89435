// Copies of snapshots: to a folder and to a real S3-compatible server, around places that are not
// there, without ever holding the log up.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { type CopyTarget, copyPath, openTarget, SnapshotCopies } from "../../src/log/copies.ts";
import { decodeSnapshot } from "../../src/log/snapshot-file.ts";
import { realTimers, type Timers } from "../../src/log/timers.ts";
import { startHost } from "./host.ts";
import { edges, folder } from "./support.ts";

interface S3Server {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}

/** The package has no types. */
const S3rver = createRequire(import.meta.url)("@20minutes/s3rver") as new (
  options: object,
) => S3Server;

const KEYS = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

async function until(what: () => boolean): Promise<void> {
  while (!what()) await sleep(5);
}

function keysFile(dir: string, keys: object = KEYS, mode = 0o600): string {
  const path = join(dir, "keys.json");
  writeFileSync(path, JSON.stringify(keys));
  chmodSync(path, mode);
  return path;
}

async function startServer(t: Parameters<typeof folder>[0], dir: string): Promise<string> {
  const buckets = [{ name: "snapshots", configs: [] }];
  const options = { port: 0, address: "127.0.0.1", silent: true, directory: dir };
  const server = new S3rver({ ...options, configureBuckets: buckets });
  const { port } = await server.run();
  t.teardown(() => void server.close());
  return `http://127.0.0.1:${port}/snapshots/county`;
}

/** Timers that run nothing until they are told to. */
function heldTimers(): { timers: Timers; waits: number[]; next: () => void } {
  const waits: number[] = [];
  let due: (() => void)[] = [];
  const after = (ms: number, run: () => void) => {
    waits.push(ms);
    due.push(run);
    return { cancel: () => undefined };
  };
  const next = (): void => {
    const now = due;
    due = [];
    for (const run of now) run();
  };
  return { timers: { ...realTimers, after }, waits, next };
}

t.test("names sort by position under node and incarnation", async (t) => {
  t.equal(copyPath("elm-4th", 12, 34), "elm-4th/12/0000000000000034.snap");
});

t.test("a running log copies its snapshots into a bucket, and goes on without it", async (t) => {
  const [dir, store, other] = [folder(t), folder(t), folder(t)];
  const to = await startServer(t, store);
  const copy = { to, credentials: keysFile(other), node: "elm-4th" };
  const host = startHost(dir, { data: { copy, snapshotRows: 50 } });
  await host.opened();
  for (let group = 0; group < 3; group += 1) {
    for (const event of edges(60, group * 60)) host.client.append(event);
    await host.client.flush(60_000);
  }
  const copied = join(store, "snapshots", "county", "elm-4th", "1");
  // The server makes a file first and fills it then.
  const files = (): string[] =>
    existsSync(copied)
      ? readdirSync(copied).filter(
          (name) => name.endsWith("_object") && statSync(join(copied, name)).size > 0,
        )
      : [];
  await until(() => files().length >= 3);
  const names = readdirSync(join(dir, "snapshots")).sort();
  for (const name of names) {
    const stored = files().find((file) => file.includes(name)) ?? "";
    const bytes = readFileSync(join(copied, stored));
    t.same(bytes, readFileSync(join(dir, "snapshots", name)));
    t.equal(decodeSnapshot(bytes).incarnation, 1);
  }
  await host.stop();
  t.ok(names.length >= 3);
});

t.test("a bucket says why it refuses", async (t) => {
  const [store, other] = [folder(t), folder(t)];
  const to = await startServer(t, store);
  const wrong = keysFile(other, { ...KEYS, secretAccessKey: "wrong" });
  const target = await openTarget({ to, credentials: wrong, node: "a" });
  await t.rejects(target.put("a/1/2.snap", new Uint8Array(9), AbortSignal.timeout(9_000)), {
    message: /the bucket answered 403 SignatureDoesNotMatch/,
  });
});

t.test("keys that others can read, or that are none, are refused", async (t) => {
  const dir = folder(t);
  const to = "https://127.0.0.1:1/bucket";
  const refused = async (credentials: string | null, message: RegExp): Promise<void> => {
    await t.rejects(openTarget({ to, credentials, node: "a" }), { message });
  };
  await refused(null, /log.copyCredentials is missing/);
  await refused(keysFile(dir, KEYS, 0o640), /can be read by others; use chmod 600/);
  await refused(keysFile(dir, { accessKeyId: "a" }), /does not hold accessKeyId and secret/);
  await refused(join(dir, "none"), /ENOENT/);
});

t.test("a folder: whole files; a share that is not mounted is trouble, not a folder", async (t) => {
  const dir = folder(t);
  const share = join(dir, "share");
  const target = await openTarget({ to: share, credentials: null, node: "a" });
  const signal = AbortSignal.timeout(9_000);
  await t.rejects(target.put("a/1/2.snap", new Uint8Array(9), signal), { code: "ENOENT" });
  t.notOk(existsSync(share));
  mkdirSync(share);
  await target.put("a/1/2.snap", new Uint8Array([1, 2, 3]), signal);
  t.same(readFileSync(join(share, "a/1/2.snap")), Buffer.from([1, 2, 3]));
  t.same(readdirSync(join(share, "a/1")), ["2.snap"]);
});

t.test(
  "a place that is away: few wait, the others are counted, each try comes later",
  async (t) => {
    let away = true;
    const stored: string[] = [];
    const target: CopyTarget = {
      put: async (path) => {
        if (away) throw new Error("not there");
        stored.push(path);
      },
    };
    const { timers, waits, next } = heldTimers();
    const copies = new SnapshotCopies("a", async () => target, timers);
    for (let seq = 1; seq <= 6; seq += 1) {
      copies.offer(1, seq, new Uint8Array(1));
      await sleep(1);
    }
    t.match(copies.figures, { copied: 0, dropped: 3, waiting: 3, trouble: "not there" });
    for (let round = 0; round < 12; round += 1) {
      next();
      await sleep(1);
    }
    t.same(waits.slice(0, 4), [1_000, 2_000, 4_000, 8_000]);
    t.equal(Math.max(...waits), 300_000);
    away = false;
    next();
    await sleep(1);
    t.same(
      stored,
      [1, 5, 6].map((seq) => copyPath("a", 1, seq)),
    );
    t.match(copies.figures, { copied: 3, waiting: 0, trouble: null });
    copies.close();
  },
);

t.test("while the board is unwell copies wait, the newest few of them", async (t) => {
  const stored: string[] = [];
  const target: CopyTarget = {
    put: async (path) => {
      stored.push(path);
    },
  };
  const copies = new SnapshotCopies("a", async () => target);
  copies.pause(true);
  for (let seq = 1; seq <= 5; seq += 1) copies.offer(1, seq, new Uint8Array(10));
  await sleep(5);
  t.same(stored, []);
  t.match(copies.figures, { waiting: 3, dropped: 2 });
  copies.pause(false);
  await sleep(5);
  t.same(
    stored,
    [3, 4, 5].map((seq) => copyPath("a", 1, seq)),
  );
  t.match(copies.figures, { copied: 3, bytes: 30, waiting: 0 });
  copies.close();
});
