// Keys of a zone for tests: made from a seed of one byte each, so that signatures are the same in
// every run (Ed25519 draws no random number).
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { ed25519Keys, type Keys } from "../../src/wire/keys.ts";

/** PKCS #8 around a raw Ed25519 seed (RFC 8410). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

export function privateKey(seed: number): KeyObject {
  const der = Buffer.concat([PKCS8, Buffer.alloc(32, seed)]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

/** What each of the named nodes holds: its own key, and everybody's public one. */
export function zoneKeys<Name extends string>(...names: Name[]): Record<Name, Keys> {
  const own = names.map((name, index) => [name, privateKey(index + 1)] as const);
  const members = new Map<string, KeyObject>(
    own.map(([name, key]) => [name, createPublicKey(key)] as const),
  );
  const entries = own.map(([name, key]) => [name, ed25519Keys(key, members)] as const);
  return Object.fromEntries(entries) as Record<Name, Keys>;
}
