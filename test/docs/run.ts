// `scripts/test docs`: runs each command of the walked pages where its page says, in the page's
// order. --board takes those of a board too, in an emulator (root, some minutes), --image those
// that make card images (root, half an hour); else they are counted as skipped. The last line is
// `N passed, N failed, N skipped`.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Block, blocksOf, type Place } from "./blocks.ts";
import { WALKED_PAGES } from "./pages.ts";
import { cloneGround, type Ended, type Ground, ROOT } from "./places.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const board = process.argv.includes("--board");
const image = process.argv.includes("--image");
const wanted = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const count = { passed: 0, failed: 0, skipped: 0 };

async function open(place: Place): Promise<Ground | null> {
  if (place === "clone") return cloneGround(false);
  if (place === "image") return image ? cloneGround(false) : null;
  if (place === "net") return process.getuid?.() === 0 ? cloneGround(true) : null;
  return board ? await (await import("./board.ts")).boardGround() : null;
}

function commandsOf({ script }: Block): string[] {
  const lines = script.split("\n").map((line) => line.replace(/\s+#.*$/, "").trim());
  return lines.filter((line) => line !== "");
}

/** What is missing of a block that something else runs, or null: .ci/run has these very words. */
function missingInCi(block: Block): string | null {
  const ci = readFileSync(join(ROOT, ".ci/run"), "utf8");
  const missing = commandsOf(block).find((command) => !ci.includes(command));
  return missing === undefined ? null : `.ci/run has no ${missing}`;
}

/** The test runs each command by its name. */
function missingInTest(block: Block): string | null {
  const text = readFileSync(join(ROOT, block.by), "utf8");
  const names = commandsOf(block).map((command) => /stopline \S+ (\S+)/.exec(command)?.[1] ?? "?");
  const missing = names.find((name) => !text.includes(`"${name}", "--config"`));
  return missing === undefined ? null : `${block.by} does not run ${missing}`;
}

const ELSEWHERE: Partial<Record<Place, (block: Block) => string | null>> = {
  ci: missingInCi,
  test: missingInTest,
};

/** With what the page takes as given before it. */
function whole(block: Block): Block {
  const before = block.given.map((name) =>
    readFileSync(new URL(`./given/${name}.sh`, import.meta.url), "utf8"),
  );
  return { ...block, script: [...before, block.script].join("\n") };
}

function judge(block: Block, { code, words }: Ended): void {
  const place = `${block.page}:${block.line}`;
  if (code === block.exit) {
    count.passed += 1;
    say(`ok ${place}`);
    return;
  }
  count.failed += 1;
  const how = code === null ? `took longer than ${block.seconds} s` : `ended with ${code}`;
  say(`not ok ${place} (on=${block.place}) ${how}\n${block.script}\n${words.trimEnd()}`);
}

async function walk(page: string): Promise<void> {
  const { blocks, problems } = blocksOf(page, readFileSync(join(ROOT, page), "utf8"));
  for (const { line, says } of problems) {
    count.failed += 1;
    say(`not ok ${page}:${line} ${says}`);
  }
  const grounds = new Map<Place, Ground | null>();
  try {
    for (const block of blocks) {
      const elsewhere = ELSEWHERE[block.place];
      if (elsewhere !== undefined) {
        const missing = elsewhere(block);
        judge(block, { code: missing === null ? 0 : -1, words: missing ?? "" });
        continue;
      }
      const known = grounds.get(block.place);
      const ground = known === undefined ? await open(block.place) : known;
      grounds.set(block.place, ground);
      if (ground === null) {
        count.skipped += 1;
        say(`skipped ${page}:${block.line} (on=${block.place})`);
      } else judge(block, await ground.run(whole(block)));
    }
  } finally {
    for (const ground of grounds.values()) await ground?.close();
  }
}

for (const page of WALKED_PAGES) {
  if (wanted.length === 0 || wanted.includes(page)) await walk(page);
}
const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : "";
say(`${count.passed} passed, ${count.failed} failed${skipped}`);
process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1;
