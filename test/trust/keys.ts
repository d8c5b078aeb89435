// Keys for tests: a CA in a folder that goes with the test, what it issues, and key folders as a
// node reads them. All of it is real; a certificate takes a few milliseconds.
import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { type Authority, createAuthority, type IssueRequest } from "../../src/trust/authority.ts";
import { type Certificate, readCertificate } from "../../src/trust/certificate.ts";
import type { Role } from "../../src/trust/identity.ts";
import { Revocations } from "../../src/trust/revocation.ts";
import { type LeafForm, makeByForm } from "../../src/trust/x509.ts";

/** When test certificates are made: now, for what runs by the real clock has to believe them. */
export const NOW_MS = Math.floor(Date.now() / 1_000) * 1_000;
export const DAY_MS = 86_400_000;

export interface TestPem {
  readonly certPem: string;
  readonly keyPem: string;
  readonly caPem: string;
}

export interface TestKeys extends TestPem {
  readonly certificate: Certificate;
  readonly key: KeyObject;
}

export type IssueOptions = Partial<Omit<IssueRequest, "role" | "id">>;

export interface TestAuthority {
  readonly dir: string;
  readonly authority: Authority;
  readonly ca: X509Certificate;
  readonly caPem: string;
  readonly place: { readonly region: string; readonly zone: string };
  /** Made at NOW_MS for a year; with `nowMs` in the past, expired. */
  issue(role: Role, id: string, options?: IssueOptions): Promise<TestKeys>;
  /** The bytes of the revocation. */
  revoke(keys: TestKeys): Uint8Array;
  /** A certificate of any form, right or wrong; what is left out is a vehicle's. */
  forge(form: Partial<LeafForm>): Promise<TestPem>;
  /** A set that trusts this CA and holds the revocations of these. */
  revocations(...revoked: readonly TestKeys[]): Revocations;
  /** A key folder of a node, made by `issue("node", id, options)`; its path. */
  keyFolder(id: string, options?: IssueOptions): Promise<string>;
}

export interface TestPlace {
  readonly region?: string;
  readonly zone?: string;
}

/** A folder that goes with the test. */
export function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), "stopline-trust-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A CA for a place, in a folder of its own. */
export async function testAuthority(t: Test, place: TestPlace = {}): Promise<TestAuthority> {
  const { region = "north", zone = "centre" } = place;
  const base = folder(t);
  const dir = join(base, "ca");
  const authority = await createAuthority(dir, { region, zone, days: 3_650, nowMs: NOW_MS });
  const { ca, caPem } = authority;
  const issue: TestAuthority["issue"] = async (role, id, options = {}) => {
    const issued = await authority.issue({ role, id, days: 365, nowMs: NOW_MS, ...options });
    const certificate = readCertificate(issued.certPem);
    return { ...issued, certificate, key: createPrivateKey(issued.keyPem) };
  };
  const revoke = (keys: TestKeys): Uint8Array => authority.revoke(keys.certificate.x509, NOW_MS);
  return {
    dir,
    authority,
    ca,
    caPem,
    place: { region, zone },
    issue,
    revoke,
    async forge(form) {
      const whole: LeafForm = {
        subject: "O=stopline,CN=vehicle/v1",
        names: [{ type: "url", value: `stopline://${region}/${zone}/vehicle/v1` }],
        server: false,
        curve: "ed25519",
        notBeforeMs: NOW_MS - 300_000,
        notAfterMs: NOW_MS + DAY_MS,
        ...form,
      };
      const keyPem = readFileSync(join(dir, "ca.key"), "utf8");
      return { ...(await makeByForm(whole, { certPem: caPem, keyPem })), caPem };
    },
    revocations(...revoked) {
      const set = new Revocations(ca);
      for (const keys of revoked) set.add(revoke(keys));
      return set;
    },
    async keyFolder(id, options) {
      const keys = await issue("node", id, options);
      const path = mkdtempSync(join(base, `${id}-`));
      writeKeyFolder(path, keys);
      return path;
    },
  };
}

/** Writes `ca.crt`, `node.crt` and `node.key` as `stopline keys node` does. */
export function writeKeyFolder(dir: string, keys: TestPem): void {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "ca.crt"), keys.caPem);
  writeFileSync(join(dir, "node.crt"), keys.certPem);
  writeFileSync(join(dir, "node.key"), keys.keyPem, { mode: 0o600 });
}
