// `stopline support`: what it gathers beside a running node, and that no secret is in it, wherever
// one was put. Each byte of the unpacked bundle is looked at.
import { spawnSync } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t, { type Test } from "tap";
import { REMOVED, scrubber } from "../../src/cli/scrub.ts";
import { newAgeKeyPair } from "../../src/trust/age.ts";
import { NOON_MS, withWriter } from "../log/support.ts";
import { folder, namesIn, runToEnd, Stopline, siteText, until, writeSite } from "./support.ts";

t.jobs = 2;

/** A text without secrets, and what is secret in it, by name. */
interface Planted {
  readonly secrets: Readonly<Record<string, string>>;
  readonly pems: readonly string[];
}

function pem(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** Everything that is found in any file of the bundle, decompressed. */
function bytesOf(t: Test, dir: string, file: string): Map<string, Buffer> {
  const out = join(dir, "unpacked");
  mkdirSync(out);
  t.equal(spawnSync("tar", ["-xzf", file, "-C", out]).status, 0);
  const inner = join(out, "stopline-support");
  const files = namesIn(inner).map((name) => [name, readFileSync(join(inner, name))] as const);
  return new Map([...files, ["the archive itself", spawnSync("gzip", ["-dc", file]).stdout]]);
}

function searchAll(t: Test, { secrets, pems }: Planted, files: ReadonlyMap<string, Buffer>): void {
  for (const [name, bytes] of files) {
    for (const [what, secret] of Object.entries(secrets)) {
      t.notOk(bytes.includes(secret), `${what} is not in ${name}`);
    }
    const lines = pems.flatMap((text) => text.split("\n")).filter((line) => !line.startsWith("-"));
    const found = lines.filter((line) => line.length > 8 && bytes.includes(line));
    t.same(found, [], `no line of a private key is in ${name}`);
  }
}

/** A stand-in where no systemd is: prints what a journal might hold. */
function fakeJournal(dir: string, text: string): string {
  const bin = join(dir, "bin");
  mkdirSync(bin);
  writeFileSync(join(dir, "journal"), text);
  writeFileSync(join(bin, "journalctl"), `#!/bin/sh\ncat '${join(dir, "journal")}'\n`);
  chmodSync(join(bin, "journalctl"), 0o755);
  return bin;
}

function helps(t: Test, said: (name: string) => string): void {
  t.match(said("about.txt"), /^stopline 0\./);
  t.match(said("site.yaml"), "id: mill-lane");
  t.match(said("doctor.txt"), /^ok {4}node/m);
  t.match(said("health.json"), '"name":"control"');
  t.match(said("metrics.txt"), /^stopline_/m);
  t.match(said("events.jsonl"), '"kind":"start"');
  t.match(said("files.txt"), /^0600 .*console-secret$/m);
  t.match(said("keys.txt"), /node\.key$/m);
  t.match(said("journal.txt"), "Start-up: all red");
  t.match(said("journal.txt"), REMOVED);
  t.match(said("system.txt"), "$ df -h");
}

t.test("beside a running node it holds what helps, and no secret", async (t) => {
  const dir = folder(t);
  const [data, keys] = [join(dir, "data"), join(dir, "keys")];
  const nodeKey = pem();
  mkdirSync(keys, { mode: 0o700 });
  writeFileSync(join(keys, "node.key"), nodeKey, { mode: 0o600 });
  const { identity } = await newAgeKeyPair();
  const [inRow, inSite] = [pem(), pem()];
  withWriter(data, (writer) => {
    const texts = [`a key by mistake: ${inRow}`, `opened with ${identity}`, "psk=row wifi phrase"];
    const rows = texts.map((text) => ({ kind: "fault" as const, body: ["import", true, text] }));
    writer.append(rows, NOON_MS);
  });
  const bucket = join(dir, "bucket.json");
  const bucketKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY";
  writeFileSync(bucket, JSON.stringify({ accessKeyId: "AKIAQ", secretAccessKey: bucketKey }));
  const copies = `copyTo: "https://127.0.0.1:1/b/x", copyCredentials: ${bucket}`;
  const comments = [
    "# wifi psk: correct horse battery",
    "# collector https://ops:h0rse-battery@example.org/x",
    ...inSite
      .trim()
      .split("\n")
      .map((line) => `# ${line}`),
  ];
  const text = siteText().replace("keep: 30d", `keep: 30d, ${copies}`);
  const file = writeSite(dir, `${text}${comments.join("\n")}\n`);
  const node = new Stopline(t, ["run", file, "--data", data]);
  t.ok(await node.says("Start-up"));
  t.ok(await until(async () => (await node.get("/api/health")).text.includes('"log"')));
  const token = await runToEnd(t, [
    ...["token", "add", "ops", "--role", "operator", "--site", file, "--data", data],
  ]);
  t.equal(token.code, 0, token.err);
  const { sha256 } = JSON.parse(readFileSync(join(data, "console-tokens.json"), "utf8"))[0];
  const bin = fakeJournal(
    dir,
    `console ${node.place("console")}\nBearer ${token.out}\n` +
      `{"msg":${JSON.stringify(`read ${nodeKey}`)}}\n` +
      `login with ${token.out.trim()} by ops\nStart-up: all red\n`,
  );
  const secrets = {
    "the console's secret": node.secret(),
    "a token": token.out.trim(),
    "a token's hash": sha256,
    "an age identity": identity,
    "a bucket's key": bucketKey,
    "a Wi-Fi pass phrase in a comment": "correct horse battery",
    "a Wi-Fi pass phrase in the log": "row wifi phrase",
    "a password in an address": "h0rse-battery",
  };
  const out = join(dir, "bundle.tgz");
  const words = ["support", "--data", data, "--site", file, "--keys", keys, "--out", out];
  const path = process.env.PATH;
  process.env.PATH = `${bin}:${path}`;
  t.teardown(() => {
    process.env.PATH = path;
  });
  const made = await runToEnd(t, words);
  t.match(made, { code: 0, out: `${out}\n`, err: "" });
  const files = bytesOf(t, dir, out);
  searchAll(t, { secrets, pems: [nodeKey, inRow, inSite] }, files);
  const said = (name: string): string => String(files.get(name));
  t.match(said("site.yaml"), `copyCredentials: ${bucket}`, "where it lies is no secret");
  helps(t, said);
  const again = await runToEnd(t, words);
  t.match([again.code, again.err], [1, /bundle\.tgz exists and is not replaced/]);
  node.kill("SIGTERM");
  t.same(await node.exit, { code: 0, signal: null });
});

t.test("on a board where nothing runs and little is there", async (t) => {
  const dir = folder(t);
  const out = join(dir, "bundle.tgz");
  const places = ["--data", join(dir, "none"), "--site", join(dir, "no.yaml"), "--keys", dir];
  const { code, out: said, err } = await runToEnd(t, ["support", ...places, "--out", out]);
  t.match([code, said], [0, `${out}\n`]);
  t.match(err, /no events\.jsonl; it says why/);
  const files = bytesOf(t, dir, out);
  t.match(String(files.get("events.jsonl")), /can't be made: .*none does not exist/);
  t.match(String(files.get("health.json")), /does not say where its console listens/);
  t.match(String(files.get("doctor.txt")), /^FAIL {2}site .*no such file/m);
});

const WORD = fc.stringMatching(/^[A-Za-z0-9!$%&()*+./<=>?@^_~-]{8,40}$/);

t.test("a known secret goes from whatever stands around it", async (t) => {
  const around = fc.string({ maxLength: 40 });
  fc.assert(
    fc.property(WORD, around, around, (secret, before, after) => {
      const clean = scrubber([`${secret}\n`])(`${before}${secret}${after}`);
      // By chance the text around may make the secret anew out of its removal.
      return !clean.includes(secret) || REMOVED.includes(secret);
    }),
  );
  t.pass();
});

t.test("what looks like a secret goes, and the rest stays", async (t) => {
  const clean = scrubber([]);
  const random = randomBytes(32).toString("base64url");
  const gone: readonly (readonly [string, string])[] = [
    [`psk: my pass phrase`, "my pass phrase"],
    [`wifi: { ssid: yard, passphrase: "tall grass, dry" }`, "tall grass"],
    [`{"secretAccessKey":"abc/def+ghi","region":"x"}`, "abc/def+ghi"],
    [`{"msg":"{\\"token\\":\\"q1w2e3\\"}"}`, "q1w2e3"],
    [`http://127.0.0.1:8080/#secret=${random}`, random],
    [`authorization: Basic b3BzOmhvcnNl`, "b3BzOmhvcnNl"],
    [`Bearer ${random}`, random],
    [`cookie ${random} seen`, random],
    [`mqtts://ops:horse@10.0.0.1`, "horse"],
    [`-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2Vw\\nBCIEIA`, "BCIEIA"],
    [`MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCmHGc0Ntf6txa9\n`, "NBgkqhkiG9w0BAQEFAASC"],
    [`-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMHcCAQEE\n`, "MHcCAQEE"],
  ];
  for (const [text, secret] of gone) t.notOk(clean(text).includes(secret), clean(text));
  const stays = [
    "phase 2 green for 12.5 s, gap-out",
    "trust: { keys: /etc/stopline/keys }",
    "log: { copyTo: https://host/bucket, copyCredentials: /etc/stopline/bucket.json }",
    `"hash":"${"0f".repeat(32)}"`,
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "the token of ops is revoked",
    "2026-07-04T08:00:00.000Z mqtt://127.0.0.1:1883",
  ];
  for (const text of stays) t.equal(clean(text), text);
});
