// `scripts/image test`: boots a copy of an image and tries it: first start, set-up, firewall, a
// good update, updates that are broken on purpose.
import { generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { output, say, scratch, until } from "../../trials/host.ts";
import { type Card, giveWords, prepareCard } from "./card.ts";
import { makeSlots, Updates } from "./fall-back.ts";
import { checkFirstStart } from "./first-start.ts";
import { type Arch, Board, type Way } from "./machine.ts";
import { Result } from "./result.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PORTS = [22, 8_883, 9_999];
/** A trial's times for a machine on which a start takes so long; boards have minutes. */
const HOLD_S = 20;
const STARTS = 2.5;
const SETUP_MS = 180_000;
const NODE_ID = "junction-1";
/** Whose public half is among the first files. */
const UPDATE_KEY = "update.pem";
const NETWORK = "wired: { address: 10.0.2.15/24 }\n";
const KEYED = `trust: { keys: /etc/stopline/keys }
links: { address: 0.0.0.0, fast: 8884, reliable: 8885 }
`;

function siteText(): string {
  const text = readFileSync(join(ROOT, "config/demo.yaml"), "utf8");
  const open = "{ address: 127.0.0.1, port: 1883 }, { address: 0.0.0.0, port: 8883, tls: true }";
  return text.replace("{ address: 127.0.0.1, port: 1883 }", open) + KEYED;
}

/** Keys of the node and of who operates it, made for this try. */
function firstFiles(folder: string): Map<string, string | Buffer> {
  const [ca, keys, ssh] = ["ca", "keys", "operator"].map((name) => join(folder, name));
  const signer = generateKeyPairSync("ed25519");
  const secret = signer.privateKey.export({ type: "pkcs8", format: "pem" });
  writeFileSync(join(folder, UPDATE_KEY), secret, { mode: 0o600 });
  const stopline = (...words: string[]): string =>
    output(process.execPath, [join(ROOT, "src/cli/stopline.ts"), ...words]);
  stopline("keys", "init", "--ca", String(ca), "--region", "demo", "--zone", "old-town");
  stopline("keys", "node", NODE_ID, "--ca", String(ca), "--out", String(keys));
  output("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", String(ssh)]);
  return new Map<string, string | Buffer>([
    ["site.yaml", siteText()],
    ["network.yaml", NETWORK],
    ["operator.pub", readFileSync(`${ssh}.pub`)],
    ["update.pub", signer.publicKey.export({ type: "spki", format: "pem" })],
    ...["ca.crt", "node.crt", "node.key"].map((name): [string, Buffer] => [
      `keys/${name}`,
      readFileSync(join(String(keys), name)),
    ]),
  ]);
}

async function freePort(): Promise<number> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
    });
  });
}

interface Options {
  readonly arch: Arch;
  readonly way: Way;
  readonly image: string;
  readonly quick: boolean;
}

function options(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      arch: { type: "string", default: "arm64" },
      board: { type: "string", default: "uefi" },
      image: { type: "string" },
      quick: { type: "boolean", default: false },
      uml: { type: "boolean", default: false },
    },
  });
  const { arch, board, quick, uml } = values;
  if (arch !== "arm64" && arch !== "amd64") throw new Error(`no '${arch}'; use arm64 or amd64`);
  const { image } = values;
  if (image === undefined) throw new Error("say --image FILE; scripts/image build makes one");
  if (!existsSync(image)) throw new Error(`${image} is not there; scripts/image build makes one`);
  const firmware = board === "uefi" ? "uefi" : "kernel";
  return { arch, way: uml ? "uml" : firmware, image, quick };
}

/** A card whose site file is wrong: nobody has to guess why the lamps flash. */
async function tryWrongSite(given: Options, result: Result): Promise<void> {
  const folder = scratch();
  const files = new Map([["site.yaml", "stopline: 1\n"]]);
  const card = prepareCard({ ...given, folder, init: initText(), files });
  const board = Board.start({ ...given, ...card, more: [], forwards: new Map() });
  const shell = await board.nextShell();
  const set = "systemctl is-active stopline-setup";
  await until(SETUP_MS, async () => (await shell.run(set))?.code === 0, 1_000);
  const ask = "cat /boot/stopline-setup/problems.txt; ls /boot/stopline-setup";
  const left = (await shell.run(ask))?.text ?? "";
  result.like("problems of a wrong site file lie on the card", left, /site\.yaml:1: node: nothing/);
  result.like("beside the file itself", left, /^site\.yaml$/m);
  const doctor = await shell.run(
    "stopline doctor /etc/stopline/site.yaml --data /var/lib/stopline",
  );
  result.like("stopline doctor says so", doctor?.text ?? "", /FAIL +site +.*site\.yaml:1: node/);
  // The slower the board is, the longer its service takes to begin.
  const words = /stopline-setup: .*site\.yaml:1: node/;
  await until(SETUP_MS, async () => words.test(board.console()), 1_000);
  result.like("and the serial console", board.console().slice(-1_000), words);
  const active = async () => (await shell.run("systemctl is-active stopline"))?.code === 0;
  await until(SETUP_MS, active, 1_000);
  const state = (await shell.run("systemctl is-active stopline; ss -tlnH sport = 22"))?.text ?? "";
  result.same("the service stays up and nobody can log in", state.trim(), "active");
  await board.cut();
}

function initText(): string {
  return readFileSync(join(ROOT, "image/initrd/init"), "utf8");
}

async function portsToBoard(): Promise<Map<number, number>> {
  const forwards = new Map<number, number>();
  for (const port of PORTS) forwards.set(port, await freePort());
  return forwards;
}

/** The same card, switched on again, with root images plugged in. */
async function tryUpdates(given: Options, card: Card, upS: number, result: Result): Promise<void> {
  const slots = makeSlots(given.image.replace(/\.img$/, ".slot"), card.folder);
  const more = [slots.good, slots.lame, slots.dead];
  const words = `stopline.trial=${HOLD_S},${Math.ceil(HOLD_S + STARTS * upS)}`;
  const board = Board.start({ ...given, ...giveWords(card, words), more, forwards: new Map() });
  const updates = new Updates(board, await board.nextShell(), result);
  // User-mode Linux ends at a panic; boards and emulators start anew.
  if (given.way !== "uml") {
    await updates.broken(slots.dead, "dead", /slot a: .*, running, confirmed/);
  }
  await updates.good(slots.good, join(card.folder, UPDATE_KEY));
  await updates.broken(slots.lame, "lame", /slot b: good, running, confirmed/);
  result.check("it goes down in order", await board.powerOff());
}

async function tryImage(given: Options, result: Result): Promise<void> {
  const folder = scratch();
  const files = firstFiles(folder);
  const card = prepareCard({ ...given, folder, init: initText(), files });
  const forwards = await portsToBoard();
  const board = Board.start({ ...given, ...card, more: [], forwards });
  const shell = await board.nextShell();
  const reachable = {
    board,
    firewall: given.way !== "uml",
    sshKey: join(folder, "operator"),
    nodeId: NODE_ID,
  };
  const upS = await checkFirstStart(shell, result, reachable);
  result.check("it goes down in order", await board.powerOff());
  if (!given.quick) await tryUpdates(given, card, upS, result);
}

async function main(): Promise<number> {
  const given = options(process.argv.slice(2));
  const result = new Result();
  try {
    await tryImage(given, result);
    await tryWrongSite(given, result);
  } catch (error) {
    result.check("the try came to its end", false, String(error));
  }
  return result.end({ image: basename(given.image), way: given.way });
}

try {
  process.exit(await main());
} catch (error) {
  say(`stopline: image test: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
