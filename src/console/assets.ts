// The page's files, read and made ready once, when somebody first asks: TypeScript loses its types,
// nothing is bundled, nothing comes from elsewhere. What is not in this list is not served.
//
// The compiler that strips the types costs some 15 MB wherever it has run, so it runs in a thread
// that ends with its answer, and only the compressed form is kept.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire, stripTypeScriptTypes } from "node:module";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { gunzipSync, gzipSync } from "node:zlib";

export interface Asset {
  readonly type: string;
  readonly gzip: Uint8Array;
  readonly etag: string;
}

const PAGE_DIR = fileURLToPath(new URL("./page", import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".ts": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Files that have an address of their own. */
const PAGES: Readonly<Record<string, string>> = {
  "index.html": "/",
  "corridor.html": "/corridor",
};

const SCRIPT = "text/javascript; charset=utf-8";

/** Names the one default export of mqtt.js's browser build. */
const MQTT_WRAPPER = 'export { default as mqtt } from "./mqtt.esm.js";\n';

/** Pure modules that the page shares with the node, by their path under src/. */
const SHARED = ["core/site/geometry.ts", "core/why/story.ts", "core/why/why.ts"];

/** The page's browser build of mqtt.js, from the installed package. */
function mqttModule(): string {
  const main = createRequire(import.meta.url).resolve("mqtt/package.json");
  return readFileSync(join(dirname(main), "dist", "mqtt.esm.js"), "utf8");
}

function asset(type: string, text: string): Asset {
  const body = Buffer.from(text);
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  return { type, gzip: gzipSync(body), etag };
}

/** The file as it is, for a client that can't read it compressed. */
export function bodyOf({ gzip }: Asset): Uint8Array {
  return gunzipSync(gzip);
}

export type Assets = ReadonlyMap<string, Asset>;

/** All files by their path on the server. Throws when one of them can't be read or stripped. */
export function loadAssets(): Assets {
  const assets = new Map<string, Asset>();
  for (const name of readdirSync(PAGE_DIR)) {
    const type = TYPES[extname(name)];
    if (type === undefined || name.endsWith(".d.ts")) continue;
    const text = readFileSync(join(PAGE_DIR, name), "utf8");
    const ready = name.endsWith(".ts") ? stripTypeScriptTypes(text) : text;
    assets.set(PAGES[name] ?? `/page/${name}`, asset(type, ready));
  }
  for (const path of SHARED) {
    const text = readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
    assets.set(`/${path}`, asset(SCRIPT, stripTypeScriptTypes(text)));
  }
  assets.set("/page/mqtt.esm.js", asset(SCRIPT, mqttModule()));
  assets.set("/page/mqtt-client.js", asset(SCRIPT, MQTT_WRAPPER));
  return assets;
}

/** `loadAssets` in a thread of its own; rejects with its reason. */
export async function loadAssetsElsewhere(): Promise<Assets> {
  const worker = new Worker(new URL("./assets-thread.ts", import.meta.url), { name: "assets" });
  return await new Promise<Assets>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`the page's files: exit code ${code}`)));
  });
}
