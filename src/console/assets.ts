// The page's files, read and made ready once at start: TypeScript loses its types, nothing is
// bundled, nothing comes from elsewhere. What is not in this list is not served.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire, stripTypeScriptTypes } from "node:module";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

export interface Asset {
  readonly type: string;
  readonly body: Buffer;
  readonly gzip: Buffer;
  readonly etag: string;
}

const PAGE_DIR = fileURLToPath(new URL("./page", import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".ts": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

const SCRIPT = "text/javascript; charset=utf-8";

/** Names the one default export of mqtt.js's browser build. */
const MQTT_WRAPPER = 'export { default as mqtt } from "./mqtt.esm.js";\n';

/** Pure modules that the page shares with the node, by their path under src/. */
const SHARED = ["core/site/geometry.ts"];

/** The page's browser build of mqtt.js, from the installed package. */
function mqttModule(): string {
  const main = createRequire(import.meta.url).resolve("mqtt/package.json");
  return readFileSync(join(dirname(main), "dist", "mqtt.esm.js"), "utf8");
}

function asset(type: string, text: string): Asset {
  const body = Buffer.from(text);
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  return { type, body, gzip: gzipSync(body), etag };
}

/** All files by their path on the server. Throws when one of them can't be read or stripped. */
export function loadAssets(): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>();
  for (const name of readdirSync(PAGE_DIR)) {
    const type = TYPES[extname(name)];
    if (type === undefined || name.endsWith(".d.ts")) continue;
    const text = readFileSync(join(PAGE_DIR, name), "utf8");
    const ready = name.endsWith(".ts") ? stripTypeScriptTypes(text) : text;
    assets.set(name === "index.html" ? "/" : `/page/${name}`, asset(type, ready));
  }
  for (const path of SHARED) {
    const text = readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
    assets.set(`/${path}`, asset(SCRIPT, stripTypeScriptTypes(text)));
  }
  assets.set("/page/mqtt.esm.js", asset(SCRIPT, mqttModule()));
  assets.set("/page/mqtt-client.js", asset(SCRIPT, MQTT_WRAPPER));
  return assets;
}
