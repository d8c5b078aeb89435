// What a console on the network needs of the node: its certificate, and the sessions of whoever has
// a token.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { NetworkConsole } from "../console/server.ts";
import { Sessions } from "../console/sessions.ts";
import { TokenFile } from "../console/tokens.ts";
import type { SiteModel } from "../core/site/model.ts";
import { KeyFileError, readKeyFile } from "../trust/key-files.ts";
import { KeyFolderError, readKeysOf } from "../trust/key-folder.ts";

/** In the key folder, for browsers: they know neither Ed25519 nor names that are no hosts. */
const CERT_FILE = "console.crt";
const KEY_FILE = "console.key";

export interface NetworkParts {
  readonly dataDir: string;
  readonly clockSure: () => boolean;
  readonly say: (text: string) => void;
}

/** Null where the site file has none; a line where its keys can't be used. */
export function networkConsole(
  site: SiteModel,
  parts: NetworkParts,
): NetworkConsole | string | null {
  const { network, keyFolder, node } = { ...site, network: site.console.network };
  if (network === undefined || keyFolder === null) return null;
  try {
    const pair = pairOf(node, keyFolder, parts.say);
    const tokens = new TokenFile(parts.dataDir, parts.say);
    const sessions = new Sessions({
      tokens: () => tokens.tokens(),
      node: `${node.region}/${node.zone}/${node.id}`,
      wallMs: () => Date.now(),
      monoMs: () => performance.now(),
      clockSure: parts.clockSure,
    });
    return { ...pair, names: network.names, sessions };
  } catch (error) {
    if (!(error instanceof KeyFolderError || error instanceof KeyFileError)) throw error;
    return `console on the network stays closed: ${error.message}`;
  }
}

function pairOf(
  node: SiteModel["node"],
  dir: string,
  say: (text: string) => void,
): { readonly cert: string; readonly key: string } {
  const path = join(dir, CERT_FILE);
  if (existsSync(path)) {
    const madeBy = "docs/console.md";
    const cert = readKeyFile(path, { madeBy }).toString();
    return { cert, key: readKeyFile(join(dir, KEY_FILE), { secret: true, madeBy }).toString() };
  }
  const { ownPem, keyPem } = readKeysOf(node, dir);
  say(`${path} is missing: programs can log in to the console, browsers need it (docs/console.md)`);
  return { cert: ownPem, key: keyPem };
}
