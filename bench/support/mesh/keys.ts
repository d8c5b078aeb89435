// A CA for one run, and what it issues: key folders of nodes as they read them, and the broker's
// and the clients' files. All in one folder that goes with the run.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Authority, createAuthority, type Issued } from "../../../src/trust/authority.ts";
import type { Role } from "../../../src/trust/identity.ts";
import { CA_CERT_FILE, NODE_CERT_FILE, NODE_KEY_FILE } from "../../../src/trust/key-folder.ts";
import type { MqttPlan } from "./side-messages.ts";

export const PLACE = { region: "bench", zone: "bench" } as const;
const DAYS = 2;

export class RunKeys {
  readonly dir = mkdtempSync(join(tmpdir(), "stopline-bench-"));
  readonly #nowMs = Date.now();
  readonly #place: { readonly region: string; readonly zone: string };
  #authority: Authority | null = null;

  constructor(place: { readonly region: string; readonly zone: string } = PLACE) {
    this.#place = place;
  }

  /** What the CA of this run issues to somebody. */
  async issue(role: Role, id: string): Promise<Issued> {
    this.#authority ??= await createAuthority(join(this.dir, "ca"), {
      ...this.#place,
      days: DAYS,
      nowMs: this.#nowMs,
    });
    return await this.#authority.issue({ role, id, days: DAYS - 1, nowMs: this.#nowMs });
  }

  /** The key folder of a node. */
  async folder(id: string): Promise<string> {
    const { caPem, certPem, keyPem } = await this.issue("node", id);
    const folder = join(this.dir, id);
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(join(folder, CA_CERT_FILE), caPem);
    writeFileSync(join(folder, NODE_CERT_FILE), certPem);
    writeFileSync(join(folder, NODE_KEY_FILE), keyPem, { mode: 0o600 });
    return folder;
  }

  /** What a vehicle shows and believes. */
  async vehicle(id: string): Promise<NonNullable<MqttPlan["keys"]>> {
    const { caPem: ca, certPem: cert, keyPem: key } = await this.issue("vehicle", id);
    return { ca, cert, key };
  }

  close(): void {
    // A broker that was killed just now may still have a file open.
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Paths of a folder's files. */
export function filesOf(folder: string): NonNullable<MqttPlan["keys"]> {
  return {
    ca: join(folder, CA_CERT_FILE),
    cert: join(folder, NODE_CERT_FILE),
    key: join(folder, NODE_KEY_FILE),
  };
}

/** What stands in them. */
export function textsOf(folder: string): NonNullable<MqttPlan["keys"]> {
  const { ca, cert, key } = filesOf(folder);
  const read = (path: string): string => readFileSync(path, "utf8");
  return { ca: read(ca), cert: read(cert), key: read(key) };
}
