// Updates of the root: a good one that is confirmed, and broken ones after which the board is back
// where it was, by itself.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { signFile } from "../../src/cli/update-signature.ts";
import type { GuestShell } from "../../trials/guest-shell.ts";
import { output, say, until } from "../../trials/host.ts";
import { serviceUp } from "./first-start.ts";
import type { Board } from "./machine.ts";
import type { Result } from "./result.ts";

const CONFIRM_MS = 600_000;

export interface Slots {
  readonly good: string;
  /** Its service ends at once, each time. */
  readonly lame: string;
  /** Its init ends: the kernel panics. */
  readonly dead: string;
}

/** Root images of other versions, from the one that is tried. */
export function makeSlots(slot: string, folder: string): Slots {
  say("making root images, good and broken");
  const tree = join(folder, "slot-tree");
  output("unsquashfs", ["-q", "-n", "-d", tree, slot]);
  const release = join(tree, "usr/lib/stopline-image/release");
  const text = readFileSync(release, "utf8");
  const pack = (name: string): string => {
    writeFileSync(release, text.replace(/^version=.*$/m, `version=${name}`));
    const path = join(folder, `${name}.slot`);
    const fast = ["-comp", "zstd", "-Xcompression-level", "1", "-quiet", "-no-progress"];
    output("mksquashfs", [tree, path, ...fast, "-noappend"]);
    return path;
  };
  const good = pack("good");
  writeFileSync(join(tree, "usr/bin/stopline"), "#!/bin/sh\nexit 1\n");
  const lame = pack("lame");
  const init = join(tree, "usr/lib/systemd/systemd");
  rmSync(init);
  writeFileSync(init, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  const dead = pack("dead");
  rmSync(tree, { recursive: true });
  mkdirSync(tree);
  return { good, lame, dead };
}

export class Updates {
  readonly #board: Board;
  readonly #result: Result;
  #shell: GuestShell;

  constructor(board: Board, shell: GuestShell, result: Result) {
    this.#board = board;
    this.#shell = shell;
    this.#result = result;
  }

  async #text(script: string): Promise<string> {
    return (await this.#shell.run(script))?.text.trim() ?? "the board went down";
  }

  async status(): Promise<string> {
    return await this.#text("/usr/lib/stopline-image/slots status");
  }

  async #copy(path: string): Promise<void> {
    const bytes = statSync(path).size;
    await this.#text(`head -c ${bytes} ${this.#board.diskOf(path)} >/data/new.slot`);
  }

  /** Puts a root image into the other slot, past all signatures, and starts the board anew. */
  async #install(path: string): Promise<void> {
    await this.#copy(path);
    const said = await this.#text("/usr/lib/stopline-image/slots install /data/new.slot");
    this.#result.like(
      "slots install takes it",
      said,
      /^slot [ab]: \w+, on trial from the next start$/,
    );
    await this.#text("rm /data/new.slot");
    await this.#restart();
  }

  /** As an operator does it: with the signature beside the file. */
  async #update(path: string, keyPath: string): Promise<void> {
    await this.#copy(path);
    const before = await this.status();
    const update = async (signature: Buffer): Promise<string> => {
      const put = `printf %s ${signature.toString("base64")} | base64 -d >/data/new.slot.sig`;
      return await this.#text(`${put}; stopline update /data/new.slot 2>&1`);
    };
    const signature = signFile(path, keyPath);
    const wrong = Buffer.from(signature.map((byte, at) => (at === 0 ? byte ^ 1 : byte)));
    const refused = await update(wrong);
    this.#result.like("stopline update refuses a wrong signature", refused, /is not installed: /);
    this.#result.same("and changes no slot", await this.status(), before);
    await this.#copy(path);
    const said = await update(signature);
    this.#result.like(
      "stopline update takes the right one",
      said,
      /^slot [ab]: \w+, on trial from the next start; start the board anew to try it$/m,
    );
    await this.#text("rm -f /data/new.slot /data/new.slot.sig");
    await this.#restart();
  }

  async #restart(): Promise<void> {
    void this.#shell.run("systemctl --no-block reboot");
    this.#shell = await this.#board.nextShell();
  }

  /** `keyPath`: the private key of who may update this board. */
  async good(path: string, keyPath: string): Promise<void> {
    await this.#update(path, keyPath);
    this.#result.like(
      "the new root runs, on trial",
      await this.status(),
      /slot b: good, running, on trial/,
    );
    await serviceUp(this.#shell, this.#result, "its service is up");
    const confirmed = /slot b: good, running, confirmed/;
    const held = await until(CONFIRM_MS, async () => confirmed.test(await this.status()), 5_000);
    this.#result.check("it is confirmed once it has been healthy", held, await this.status());
    await this.#restart();
    this.#result.like("and starts again", await this.status(), confirmed);
    await serviceUp(this.#shell, this.#result, "with its service and the site of before");
  }

  /** After an image that never gets well the board comes back by itself. */
  async broken(path: string, name: string, before: RegExp): Promise<void> {
    const fromS = this.#result.seconds();
    await this.#install(path);
    // Starts of the broken root that get as far as a shell are left alone until they end.
    while (new RegExp(`: ${name}, running`).test(await this.status())) {
      this.#result.like("the broken root runs, on trial", await this.status(), /on trial/);
      this.#shell = await this.#board.nextShell();
    }
    this.#result.figure(`back_from_${name}_s`, this.#result.seconds() - fromS);
    const status = await this.status();
    this.#result.like("the confirmed root is back", status, before);
    this.#result.like("and says what failed", status, new RegExp(`${name}, failed its trial`));
    await serviceUp(this.#shell, this.#result, "its service is up");
  }
}
