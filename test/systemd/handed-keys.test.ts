// A service reads its keys where they were handed to it, a person where the site file says.
import t from "tap";
import { withHandedKeys } from "../../src/node/handed-keys.ts";
import { readSite } from "../../src/node/read-site.ts";
import { parseSite } from "../../src/sitefile/load.ts";
import { folder, siteText, writeSite } from "../cli/support.ts";

const HANDED = "/etc/stopline/keys:/run/stopline-keys";
const TRUST = "trust: { keys: /etc/stopline/keys }\n";
const COPY =
  "copyTo: https://store.example/bucket, copyCredentials: /etc/stopline/keys/bucket.json";

function site(text: string) {
  const parsed = parseSite(text, "site.yaml");
  if (!parsed.ok) throw new Error(parsed.problems.join("\n"));
  return parsed.site;
}

t.test("paths in the folder move, others stay", async (t) => {
  const text = `${siteText()}${TRUST}`;
  t.equal(withHandedKeys(site(text), HANDED).keyFolder, "/run/stopline-keys");
  t.equal(withHandedKeys(site(text), undefined).keyFolder, "/etc/stopline/keys");
  for (const bad of ["", ":", "/etc/stopline/keys", "/etc/stopline/keys:", "keys:/run"]) {
    t.equal(withHandedKeys(site(text), bad).keyFolder, "/etc/stopline/keys", bad);
  }
  const beside = text.replace("/keys }", "/keys-old }");
  t.equal(withHandedKeys(site(beside), HANDED).keyFolder, "/etc/stopline/keys-old");
  t.equal(withHandedKeys(site(siteText()), HANDED).keyFolder, null);
  const copies = site(text.replace("log: {", `log: { ${COPY},`));
  t.equal(withHandedKeys(copies, HANDED).log.copies?.credentials, "/run/stopline-keys/bucket.json");
  t.equal(withHandedKeys(copies, HANDED).log.copies?.to, "https://store.example/bucket");
});

t.test("the thread that reads the site file knows of it", async (t) => {
  const file = writeSite(folder(t), `${siteText()}${TRUST}`);
  process.env.STOPLINE_KEYS = HANDED;
  t.teardown(() => {
    delete process.env.STOPLINE_KEYS;
  });
  const read = await readSite(file);
  t.match(read, { ok: true, site: { keyFolder: "/run/stopline-keys" } });
});
