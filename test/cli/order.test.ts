// `stopline order` and `stopline why` at real nodes: through the console with its secret, and over
// TLS with an operator's certificate; what the log says of it afterwards.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Command } from "../../src/wire/command.ts";
import { startSecured } from "../broker/secured.ts";
import type { TestPem } from "../trust/keys.ts";
import { folder, rowsOf, runToEnd, Stopline, siteText, until, writeSite } from "./support.ts";

t.jobs = 2;

t.test("a node's console takes orders with its secret; the log names the author", async (t) => {
  const dir = folder(t);
  const data = join(dir, "data");
  const file = writeSite(dir, siteText());
  const node = new Stopline(t, ["run", file, "--data", data]);
  t.ok(await node.says("The controller runs the lamps"), node.all);
  const order = async (...words: string[]) =>
    await runToEnd(t, ["order", ...words, "--data", data]);

  t.match(await order("call", "2"), { code: 0, out: /^call: done at 20\d\d-/ });
  // In the start-up's all red there is nothing to hold.
  t.ok(await until(async () => (await order("hold", "2", "--for", "5s")).code === 0), "held");
  t.match(await order("hold", "4", "--off"), { code: 1, err: /refused: phase 4 is not held/ });
  t.match(await order("plan", "1", "--for", "1h"), { code: 1, err: /the site file has no plans/ });
  t.match(await order("priority", "2", "--in", "20s"), { code: 0 });
  t.match(await order("priority", "2", "--off"), { code: 0 });

  const ofKind = (kind: string) => rowsOf(data).filter((row) => row.kind === kind);
  t.ok(await until(() => ofKind("order").length >= 4), "in the log");
  const given = ofKind("command").map(({ body }) => [body[1], body[2], body[3]]);
  t.match(given.slice(0, 2), [
    ["operator:console", "console", ["call", 2, false]],
    ["operator:console", "console", ["hold", 2, 5]],
  ]);
  t.match(
    ofKind("order").map(({ body }) => body.slice(0, 4)),
    [["hold", 2, true, "operator:console"]],
  );
  const refused = ofKind("command-result").filter(({ body }) => body[2] === false);
  t.same(
    refused.slice(-2).map(({ body }) => body[3]),
    ["phase 4 is not held", "the site file has no plans"],
  );

  const why = await runToEnd(t, ["why", "--data", data, "--phase", "2", "--site", file]);
  t.match(why, { code: 0, out: /^20\S+Z {2}1:\d+ +The node starts, run 1$/m });
  t.match(why.out, /So phase 2 is \w+/);
  const early = ["why", "--data", data, "--phase", "2", "--at", "2001-01-01T00:00:00Z"];
  t.match(await runToEnd(t, early), { code: 1, err: /has nothing before 2001-01-01/ });

  node.kill("SIGTERM");
  t.equal((await node.exit).code, 0, node.all);
  t.match(await order("flash"), { code: 1, err: /no answer from http:\/\/127\.0\.0\.1:\d+/ });
});

/** The folder that `stopline keys operator` writes. */
function operatorFolder(t: Test, name: string, keys: TestPem): string {
  const dir = join(folder(t), name);
  mkdirSync(dir);
  writeFileSync(join(dir, "ca.crt"), keys.caPem);
  writeFileSync(join(dir, `${name}.crt`), keys.certPem);
  writeFileSync(join(dir, `${name}.key`), keys.keyPem, { mode: 0o600 });
  return dir;
}

t.test("over TLS with an operator's folder; a reader's and a stranger's are refused", async (t) => {
  const commands: Command[] = [];
  const { authority, secure } = await startSecured(
    t,
    {},
    {
      onCommand: async (command) => {
        commands.push(command);
        return { id: command.id, ok: true, reason: null, atMs: 1 };
      },
    },
  );
  const order = async (node: string, keys: string) =>
    await runToEnd(t, ["order", "hold", "2", "--for", "30s", "--node", node, "--keys", keys]);
  const anna = operatorFolder(t, "anna", await authority.issue("operator", "anna"));
  t.match(await order(secure, anna), { code: 0, out: /^hold: done at 1970/ });
  t.match(commands, [
    { author: "operator:anna", via: "mqtt", body: { kind: "hold", phase: 2, seconds: 30 } },
  ]);
  const reader = operatorFolder(t, "ben", await authority.issue("reader", "ben"));
  t.match(await order(secure, reader), { code: 1, err: /is of reader\/ben; only operators order/ });
  const { authority: other } = await startSecured(t);
  const stranger = operatorFolder(t, "anna", await other.issue("operator", "anna"));
  t.match(await order(secure, stranger), { code: 1, err: /nothing was sent/ });
  t.equal(commands.length, 1);
});

t.test("what can't be an order is said before anybody is asked", async (t) => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [[], /use, with --data DIR/],
    [["reset"], /stopline order flash/],
    [["call", "17"], /PHASE is 1 to 16/],
    [["hold", "2"], /--for is 1s to 120s/],
    [["hold", "2", "--for", "3m"], /--for is 1s to 120s/],
    [["plan", "2"], /say until when/],
    [["plan", "night", "--for", "2h"], /a number, free or schedule/],
    [["priority", "2"], /say when it arrives/],
    [["flash", "now"], /'now' is too much/],
    [["flash"], /say which node/],
    [["stop"], /stop is for a zone: --zone; or use flash/],
    [["flash", "--zone"], /flash is for one node; plan, stop and return are for a zone/],
    [["stop", "now", "--zone"], /'now' is too much/],
    [["stop", "--zone", "--data", "x"], /signed: --keys DIR/],
    [["stop", "--zone", "--data", "x", "--keys", "nowhere"], /nowhere/],
    [["flash", "--keys", "x"], /goes with --node mqtts/],
    [["flash", "--data", "nowhere"], /no console secret/],
  ];
  for (const [words, expected] of cases) {
    const { code, err } = await runToEnd(t, ["order", ...words]);
    t.equal(code, 1);
    t.match(err, expected);
  }
  t.match(await runToEnd(t, ["why", "--data", "x", "--phase", "0"]), { code: 1, err: /1 to 16/ });
});
