// The thread that reads the site file ends whatever the file holds, and says so in one line.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { readSite } from "../../src/node/read-site.ts";

const DEMO = fileURLToPath(new URL("../../config/demo.yaml", import.meta.url));
const ENDLESS = new URL("./endless.ts", import.meta.url);
const MIB = 1024 * 1024;

const dir = mkdtempSync(join(tmpdir(), "stopline-read-"));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

t.test("a good file", async (t) => {
  const read = await readSite(DEMO);
  t.equal(read.ok, true);
  if (read.ok) t.equal(read.site.phases.length, 8);
});

t.test("a MiB made to exhaust a parser: one line", async (t) => {
  for (const [name, piece] of [
    ["brackets", "["],
    ["lists", "[],"],
  ] as const) {
    const path = join(dir, `${name}.yaml`);
    writeFileSync(path, `[${piece.repeat(Math.floor((MIB - 10) / piece.length))}`);
    const read = await readSite(path);
    t.equal(read.ok, false);
    if (read.ok) return;
    t.equal(read.problems.length, 1, name);
    t.match(read.problems[0], /needs more than 64 MB of memory to be read; use a shorter file/);
    t.ok(read.problems[0]?.startsWith(path));
  }
});

t.test("a thread that does not end is ended", async (t) => {
  const read = await readSite(DEMO, { entry: ENDLESS, patienceMs: 200 });
  t.same(read, {
    ok: false,
    problems: [`${DEMO}: took longer than 0.2 s to read; use a shorter file`],
  });
});

t.test("a thread that breaks or says nothing", async (t) => {
  const thrown = await readSite(DEMO, { entry: new URL("data:text/javascript,throw Error('x')") });
  t.same(thrown, { ok: false, problems: [`${DEMO}: cannot be read: x`] });
  const silent = await readSite(DEMO, { entry: new URL("data:text/javascript,0") });
  t.same(silent, { ok: false, problems: [`${DEMO}: cannot be read: exit code 0`] });
});
