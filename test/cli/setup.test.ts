// `stopline setup`: a card's first files. What is right is taken whole, what is wrong is named and
// leaves the board as it was.
import { generateKeyPairSync } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { setUp } from "../../src/cli/setup.ts";
import { networkFiles } from "../../src/cli/setup-network.ts";
import type { Folders } from "../../src/cli/setup-parts.ts";
import { newAgeKeyPair } from "../../src/trust/age.ts";
import { folder, runToEnd, siteText } from "./support.ts";

const SSH_KEY = `ssh-ed25519 ${"A".repeat(68)} ann@desk`;
const NAMES = "site.yaml, network.yaml, operator.pub, update.pub, backup.pub, keys";
const SUBNET_ADDRESS = "one with its prefix length, such as 192.0.2.10/24";
const PASSWORD = "8 to 63 letters, digits and signs in quotes";

function card(t: Test, files: Readonly<Record<string, string>>): Folders {
  const dir = folder(t);
  const [from, to] = [join(dir, "stopline-setup"), join(dir, "etc")];
  mkdirSync(join(from, "keys"), { recursive: true });
  mkdirSync(to);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(from, name), text);
  return { from, to };
}

function pem(kind: "ed25519" | "x25519", half: "publicKey" | "privateKey"): string {
  const pair = kind === "ed25519" ? generateKeyPairSync(kind) : generateKeyPairSync("x25519");
  if (half === "publicKey")
    return pair.publicKey.export({ type: "spki", format: "pem" }).toString();
  return pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

t.test("everything at once", async (t) => {
  const backup = await newAgeKeyPair();
  const { from, to } = card(t, {
    "site.yaml": siteText(),
    "network.yaml": "wired: { address: 192.0.2.10/24, gateway: 192.0.2.1 }\ntime: ntp.example\n",
    "operator.pub": `${SSH_KEY}\r\n`,
    "update.pub": pem("ed25519", "publicKey"),
    "backup.pub": backup.recipient,
    "README.txt": "words",
    "network.yaml.example": "words",
  });
  t.same(await setUp({ from, to }), {
    applied: ["site.yaml", "network.yaml", "operator.pub", "update.pub", "backup.pub"],
    problems: [],
  });
  t.equal(readFileSync(join(to, "site.yaml"), "utf8"), siteText());
  t.equal(readFileSync(join(to, "hostname"), "utf8"), "mill-lane\n");
  t.equal(readFileSync(join(to, "ssh/authorized_keys"), "utf8"), `${SSH_KEY}\n`);
  t.equal(modeOf(join(to, "ssh/authorized_keys")), "600");
  t.equal(modeOf(join(to, "network/20-wired.network")), "644");
  t.match(
    readFileSync(join(to, "network/20-wired.network"), "utf8"),
    /\nAddress=192\.0\.2\.10\/24\n/,
  );
  t.equal(
    readFileSync(join(to, "network/time/time.sources"), "utf8"),
    "server ntp.example iburst\n",
  );
});

t.test("a wrong site file is shown by a new board, and never replaces a right one", async (t) => {
  const folders = card(t, { "site.yaml": "stopline: 1\n" });
  const place = join(folders.to, "site.yaml");
  const first = await setUp(folders);
  t.same(first.applied, []);
  t.match(first.problems[0], /site\.yaml:1: node: nothing is given/);
  t.equal(readFileSync(place, "utf8"), "stopline: 1\n");
  writeFileSync(join(folders.from, "site.yaml"), siteText());
  t.same((await setUp(folders)).applied, ["site.yaml"]);
  writeFileSync(join(folders.from, "site.yaml"), "stopline: 1\n");
  t.match((await setUp(folders)).problems[0], /site\.yaml:1/);
  t.equal(readFileSync(place, "utf8"), siteText());
});

t.test("each wrong part is named, and the others are taken", async (t) => {
  const { from, to } = card(t, {
    "site.yaml.txt": siteText(),
    "network.yaml":
      "wired: { address: 192.0.2.10 }\nwifi: { name: it, password: short, country: cz }\n",
    "operator.pub": pem("ed25519", "privateKey"),
    "update.pub": pem("x25519", "publicKey"),
    "backup.pub": (await newAgeKeyPair()).identity,
  });
  writeFileSync(join(from, "keys/node.key"), "words");
  const { applied, problems } = await setUp({ from, to });
  t.same(applied, []);
  t.same(
    problems.map((line) => line.replace(`${from}/`, "")),
    [
      `site.yaml.txt: it is not known; use one of ${NAMES}`,
      `network.yaml:1: wired.address: 192.0.2.10 is of another form; use ${SUBNET_ADDRESS}`,
      `network.yaml:2: wifi.password: it is no password; use ${PASSWORD}`,
      "network.yaml:2: wifi.country: cz is no country; use its two capital letters: CZ",
      "operator.pub: it is a private key; use its .pub file, and make a new key",
      "update.pub: it is a key of kind x25519; use one ed25519 public key in PEM",
      "backup.pub: a private key, which stays with the operator; use its public one",
      "keys/ca.crt: is not there; `stopline keys node` makes it",
    ],
  );
  t.same(readdirSync(to), []);
  writeFileSync(join(from, "backup.pub"), pem("x25519", "publicKey"));
  const second = await setUp({ from, to });
  t.match(
    second.problems.find((line) => line.startsWith("backup.pub")),
    /^backup\.pub: a line of it is no age public key; one looks like age1…$/,
  );
});

t.test("a node's keys, of this node and no other", async (t) => {
  const { from, to } = card(t, { "site.yaml": siteText() });
  const ca = join(from, "../ca");
  const made = async (id: string): Promise<void> => {
    const out = join(from, "keys");
    rmSync(out, { recursive: true });
    const { code, err } = await runToEnd(t, ["keys", "node", id, "--ca", ca, "--out", out]);
    t.equal(code, 0, err);
  };
  await runToEnd(t, ["keys", "init", "--ca", ca, "--region", "demo", "--zone", "riverside"]);
  await made("junction-9");
  const wrong = await setUp({ from, to });
  t.match(wrong.problems, [
    /^keys\/node\.crt: names .*junction-9, the site file .*; use that node/,
  ]);
  t.notOk(existsSync(join(to, "keys")));
  await made("mill-lane");
  const { code, out, err } = await runToEnd(t, ["setup", from, "--to", to]);
  t.equal(code, 0, err);
  t.equal(out, "site.yaml\nkeys/ca.crt\nkeys/node.crt\nkeys/node.key\n");
  t.equal(modeOf(join(to, "keys")), "700");
  t.equal(modeOf(join(to, "keys/node.key")), "600");
  t.same(readdirSync(to), ["hostname", "keys", "site.yaml"]);
});

t.test("a radio's password is kept as its key only", async (t) => {
  // Test vector of IEEE 802.11i, annex H.4.1.
  const text = 'wifi: { name: IEEE, password: "password", country: CZ }\n';
  const read = networkFiles(text, "network.yaml");
  if (!read.ok) throw new Error(read.problems.join("\n"));
  const wpa = read.files.find(({ name }) => name === "wpa_supplicant-wlan0.conf");
  t.match(wpa?.text, /psk=f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e\n/);
  t.notMatch(JSON.stringify(read.files), /"password"|=password/);
  t.equal(wpa?.mode, 0o600);
  const wrong = networkFiles('wifi: { name: IEEE, password: "säcret-word" }\n', "network.yaml");
  t.notOk(wrong.ok);
  t.notMatch(JSON.stringify(wrong), /cret-word/);
});
