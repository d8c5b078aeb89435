// docs/security.md names a test for each thing that stops an attacker: each of them is there.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

interface Row {
  readonly tries: string;
  readonly test: string;
}

function rows(): Row[] {
  const text = readFileSync(`${ROOT}docs/security.md`, "utf8");
  return text
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| tries"))
    .map((line) => line.replace(/^\| | \|$/g, "").split(" | "))
    .map(([tries = "", , test = ""]) => ({ tries, test }));
}

t.test("every row has a test that exists, or says that it is a gap", async (t) => {
  const all = rows();
  t.ok(all.length > 20);
  for (const { tries, test } of all) {
    const named = /^`(test\/[^`]+)`: (.+)$/.exec(test);
    if (named === null) {
      t.match(test, /^gap: /, tries);
      continue;
    }
    const [, path = "", title = ""] = named;
    const found = existsSync(`${ROOT}${path}`) ? readFileSync(`${ROOT}${path}`, "utf8") : "";
    t.ok(found.includes(title), `${path}: ${title}`);
  }
});
