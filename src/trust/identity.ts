// Who somebody is on the links: region, zone, role and id, as the one URI in a certificate's SAN.
// No address and no name out of mDNS ever names anybody.
import { NAME_PATTERN } from "../wire/topics.ts";

/** What a certificate is for. */
export const ROLES = ["node", "vehicle", "sensor", "operator", "reader"] as const;
export type Role = (typeof ROLES)[number];

export interface Identity {
  readonly region: string;
  readonly zone: string;
  readonly role: Role;
  /** Of a node: its id in the site file. Unique among those of its role. */
  readonly id: string;
}

/** The whole text that Node gives for a SAN of one URI; what it escapes it puts into quotes. */
const SAN = /^URI:stopline:\/\/([^/]+)\/([^/]+)\/([^/]+)\/([^/]+)$/;

function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

/** `stopline://region/zone/role/id`; throws `RangeError` for a name that topics could not carry. */
export function identityUri({ region, zone, role, id }: Identity): string {
  for (const name of [region, zone, role, id]) {
    if (!NAME_PATTERN.test(name)) throw new RangeError(`'${name}' is no name of ours`);
  }
  return `stopline://${region}/${zone}/${role}/${id}`;
}

/**
 * The identity in the text of `X509Certificate.subjectAltName`, or null: exactly one URI of the
 * one form, and nothing beside it.
 */
export function identityOfSan(san: string | undefined): Identity | null {
  const [, region = "", zone = "", role = "", id = ""] = SAN.exec(san ?? "") ?? [];
  if (!isRole(role)) return null;
  return [region, zone, id].every((name) => NAME_PATTERN.test(name))
    ? { region, zone, role, id }
    : null;
}
