// Custody as the mesh asks the log thread for it: own rows out, others' rows in, and who waits for
// a second disk.
import { MessageChannel, type MessagePort } from "node:worker_threads";
import t from "tap";
import { LogDoor } from "../../src/log/door.ts";
import type { Answer, Question, TellService, ToLog } from "../../src/log/messages.ts";
import { LogThread } from "../../src/log/thread.ts";
import { edges, folder, NOON_MS } from "./support.ts";

const ROOM = { rows: 512, bytes: 65_536 };

type WithoutToken<Q> = Q extends Question ? Omit<Q, "token"> : never;

interface Rig {
  readonly thread: LogThread;
  readonly door: LogDoor;
  readonly ask: (question: WithoutToken<Question>) => Promise<Answer>;
  /** Numbers of the rows that the mesh was told of, with the hash of the last. */
  readonly told: { seqs: number[]; hash: string };
  readonly stop: () => void;
}

function startRig(dir: string): Rig {
  const thread = new LogThread({
    data: { dir, version: "0", site: "", cause: "", maxBytes: 1e8, keepMs: 1e12, resume: null },
    tell: () => undefined,
    onStopped: () => undefined,
  });
  thread.start();
  const connect = (who: Extract<ToLog, { kind: "attach" }>["who"]): MessagePort => {
    const { port1, port2 } = new MessageChannel();
    thread.take({ kind: "attach", who, port: port1 });
    return port2;
  };
  const door = new LogDoor(async () => null);
  door.attach(connect("service"));
  const port = connect("mesh");
  const waiting = new Map<number, (answer: Answer) => void>();
  const told = { seqs: [] as number[], hash: "" };
  port.on("message", (message: TellService) => {
    if (message.kind === "committed") {
      told.seqs.push(...message.rows.map(({ seq }) => seq));
      told.hash = message.hash;
      port.postMessage({ kind: "taken" });
    } else if (message.kind !== "resume") {
      waiting.get(message.token)?.(message);
    }
  });
  let token = 0;
  const ask: Rig["ask"] = (question) => {
    token += 1;
    const answered = new Promise<Answer>((resolve) => waiting.set(token, resolve));
    port.postMessage({ ...question, token });
    return answered;
  };
  const stop = (): void => {
    thread.take({ kind: "stop" });
    door.detach();
    port.close();
  };
  return { thread, door, ask, told, stop };
}

function append(rig: Rig, count: number): void {
  const events = edges(count);
  rig.thread.take({ kind: "append", batch: 1, events, after: 0, repeated: false });
}

t.test("a row waits for the custodian's word, which counts for all before it", async (t) => {
  const [own, shelf] = [startRig(folder(t)), startRig(folder(t))];
  append(own, 20);
  const begins = await own.ask({ kind: "own-state" });
  if (begins.kind !== "own-state") throw new Error(begins.kind);
  t.match(begins.own, { incarnation: 1, trusted: false, before: null, position: { seq: 21 } });
  const first = own.door.replicated(10, 60_000);
  const second = own.door.replicated(21, 60_000);
  const { door } = own;
  t.match(await door.replicated(21, 5), /no custodian took row 21 within 5 ms; it is on this disk/);
  const given = await own.ask({ kind: "own-rows", position: null, room: ROOM });
  if (given.kind !== "own-rows") throw new Error(given.kind);
  const { incarnation, boot } = begins.own;
  const put = { origin: "a", incarnation, boot, rows: given.answer.rows, lapsed: false };
  const kept = await shelf.ask({ kind: "custody-put", put });
  if (kept.kind !== "custody-put" || kept.result.position === null) throw new Error("not kept");
  const { position } = kept.result;
  t.same(position, begins.own.position);
  const wrong = { ...position, hash: "cd".repeat(32) };
  t.match(await own.ask({ kind: "custody-acknowledged", custodian: "b", position: wrong }), {
    known: false,
  });
  t.match(await own.ask({ kind: "custody-acknowledged", custodian: "b", position }), {
    known: true,
  });
  t.same(await Promise.all([first, second]), [null, null]);
  t.equal(await door.replicated(3, 5), null, "what is there already needs no waiting");
  t.match(await shelf.ask({ kind: "custody-position", origin: "a" }), { held: { head: position } });
  t.match(await shelf.ask({ kind: "custody-position", origin: "b" }), { held: null });
  const after = given.answer.rows[14] ?? null;
  const back = await shelf.ask({ kind: "custody-rows", origin: "a", after, room: ROOM });
  t.same(back.kind === "custody-rows" && back.rows, given.answer.rows.slice(15));
  own.stop();
  shelf.stop();
});

t.test("rows that come back are told of like others; what does not chain is refused", async (t) => {
  const [old, shelf] = [startRig(folder(t)), startRig(folder(t))];
  append(old, 20);
  const given = await old.ask({ kind: "own-rows", position: null, room: ROOM });
  if (given.kind !== "own-rows") throw new Error(given.kind);
  const { rows } = given.answer;
  old.stop();
  const fresh = startRig(folder(t));
  t.match(await fresh.ask({ kind: "recover", rows }), { kind: "failed", reason: /is no past of/ });
  fresh.thread.take({ kind: "raise", incarnation: 5, cause: "asked around" });
  const torn = rows.map((row) => (row.seq === 9 ? { ...row, at: NOON_MS } : row));
  t.match(await fresh.ask({ kind: "recover", rows: torn }), { reason: /row 9 does not follow/ });
  t.match(await fresh.ask({ kind: "recover", rows }), { kind: "recovered", rows: 21 });
  t.match(await fresh.ask({ kind: "recover", rows }), { kind: "recovered", rows: 0 });
  const state = await fresh.ask({ kind: "own-state" });
  if (state.kind !== "own-state") throw new Error(state.kind);
  const { position } = state.own;
  t.same(fresh.told, {
    seqs: Array.from({ length: position.seq - 1 }, (_, i) => i + 2),
    hash: position.hash,
  });
  fresh.stop();
  shelf.stop();
});

t.test("who waits when the log closes is told so", async (t) => {
  const rig = startRig(folder(t));
  append(rig, 3);
  const waiting = rig.door.replicated(4, 60_000);
  await rig.ask({ kind: "own-state" });
  rig.thread.take({ kind: "stop" });
  await t.rejects(
    Promise.race([waiting, rig.door.replicated(4, 1)]).then((reason) => {
      throw new Error(String(reason));
    }),
    { message: /the log is closed/ },
  );
  rig.door.detach();
});
