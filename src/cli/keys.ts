// `stopline keys`: a zone's CA on somebody's desk, and the keys and certificates that it makes for
// nodes and clients. docs/keys.md says who needs which and how to carry them.
import type { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Authority,
  AuthorityError,
  CA_DAYS,
  createAuthority,
  type Issued,
  LEAF_DAYS,
  openAuthority,
} from "../trust/authority.ts";
import {
  type Certificate,
  CertificateError,
  PRIORITIES,
  type Priority,
  readCertificate,
} from "../trust/certificate.ts";
import type { Role } from "../trust/identity.ts";
import { KeyFileError, type NewFile, refuseTaken, writeNewFiles } from "../trust/key-files.ts";
import {
  CA_CERT_FILE,
  expiresInDays,
  REVOCATION_ENDING,
  REVOKED_FOLDER,
} from "../trust/key-folder.ts";
import { openRevocation } from "../trust/revocation.ts";
import { PlaceError, refuseNodePlace, refuseOverlap } from "./keys-places.ts";
import { fail, type OptionShape, parseOptions } from "./options.ts";

/** A mistake in the words of the command. */
class UsageError extends Error {
  override readonly name = "UsageError";
}

const TEXT: OptionShape = { type: "string" };
const OPTIONS: Readonly<Record<string, OptionShape>> = {
  ca: TEXT,
  out: TEXT,
  region: TEXT,
  zone: TEXT,
  days: TEXT,
  priority: TEXT,
  p256: { type: "boolean" },
};

interface Words {
  /** What stands behind the verb, or "" where nothing may. */
  readonly name: string;
  readonly values: Readonly<Record<string, string | boolean>>;
  readonly nowMs: number;
}

interface Verb {
  readonly usage: string;
  readonly options: readonly string[];
  /** Lines for the person who asked. */
  readonly run: (words: Words) => Promise<string[]>;
}

const FOR_ONE = "ID --ca DIR --out DIR [--days N]";
const LEAF_OPTIONS = ["ca", "out", "days"];

const VERBS: Readonly<Record<string, Verb>> = {
  init: {
    usage: "init --ca DIR --region R --zone Z [--days N]",
    options: ["ca", "region", "zone", "days"],
    run: init,
  },
  node: { usage: `node ${FOR_ONE}`, options: LEAF_OPTIONS, run: making("node") },
  vehicle: {
    usage: `vehicle ${FOR_ONE} [--p256] [--priority ${PRIORITIES.join("|")}]`,
    options: [...LEAF_OPTIONS, "p256", "priority"],
    run: making("vehicle"),
  },
  sensor: {
    usage: `sensor ${FOR_ONE} [--p256]`,
    options: [...LEAF_OPTIONS, "p256"],
    run: making("sensor"),
  },
  operator: { usage: `operator ${FOR_ONE}`, options: LEAF_OPTIONS, run: making("operator") },
  reader: { usage: `reader ${FOR_ONE}`, options: LEAF_OPTIONS, run: making("reader") },
  revoke: {
    usage: "revoke SERIAL|FILE.crt --ca DIR --out DIR",
    options: ["ca", "out"],
    run: revoke,
  },
  rotate: {
    usage: "rotate FILE.crt --ca DIR --out DIR [--days N]",
    options: LEAF_OPTIONS,
    run: rotate,
  },
  show: { usage: "show FILE.crt [--ca DIR]", options: ["ca"], run: show },
};

function given({ values }: Words, option: string): string {
  const value = values[option];
  if (typeof value === "string" && value !== "") return value;
  throw new UsageError(`--${option} is missing`);
}

function daysOf({ values }: Words, otherwise: number): number {
  const { days } = values;
  if (days === undefined) return otherwise;
  if (typeof days === "string" && /^\d{1,9}$/.test(days)) return Number(days);
  throw new UsageError(`--days ${days} is no whole number of days`);
}

function priorityOf({ values }: Words): Priority {
  const { priority = "none" } = values;
  const found = PRIORITIES.find((word) => word === priority);
  if (found !== undefined) return found;
  throw new UsageError(`--priority ${priority}; use one of ${PRIORITIES.join(", ")}`);
}

/** The CA of `--ca`, unless it lies where none may. */
function caOf(words: Words): Authority {
  const dir = given(words, "ca");
  refuseNodePlace(dir);
  return openAuthority(dir);
}

/** A certificate's file, whose name stands in front of what is wrong with it. */
function readFile(path: string): Certificate {
  if (!existsSync(path)) throw new CertificateError(`${path} does not exist`);
  try {
    return readCertificate(readFileSync(path));
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw new CertificateError(`${path}: ${error.message}`, { cause: error });
  }
}

const SERIAL = /^[0-9a-f]+$/i;

/** What a person wants revoked; a file's name has a dot, a serial has none. */
function revocable(name: string): { what: string | X509Certificate; serial: string } {
  if (SERIAL.test(name)) return { what: name, serial: name.toLowerCase() };
  if (!existsSync(name)) {
    throw new CertificateError(`${name} is neither a serial nor a certificate's file`);
  }
  const { x509, serial } = readFile(name);
  return { what: x509, serial };
}

function day(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

async function init(words: Words): Promise<string[]> {
  const dir = given(words, "ca");
  refuseNodePlace(dir);
  const authority = await createAuthority(dir, {
    region: given(words, "region"),
    zone: given(words, "zone"),
    days: daysOf(words, CA_DAYS),
    nowMs: words.nowMs,
  });
  const { region, zone, ca } = authority;
  return [
    `${dir}: CA of ${region}/${zone}, until ${day(ca.validToDate.getTime())}`,
    "keep a copy of it in a safe place, and no copy on any node",
  ];
}

/** Names of the files that somebody's key and certificate get. */
function baseOf(role: Role, id: string): string {
  return role === "node" ? "node" : id;
}

/** Whether `ca.crt` is still to be written to `out`; a `KeyFileError` when another one is there. */
function lacksCa(out: string, caPem: string): boolean {
  const path = join(out, CA_CERT_FILE);
  try {
    if (readFileSync(path, "utf8") === caPem) return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw error;
  }
  throw new KeyFileError(`${path} is another CA's and is not replaced; use another folder`);
}

/** Makes sure that files can be written, asks for what to write, and writes it. */
async function deliver(
  authority: Authority,
  who: { role: Role; id: string; out: string },
  make: () => Promise<Issued>,
): Promise<string[]> {
  const { role, id, out } = who;
  refuseOverlap(authority.dir, out, role === "node");
  const base = baseOf(role, id);
  refuseTaken(out, [`${base}.crt`, `${base}.key`]);
  const withCa = lacksCa(out, authority.caPem);
  const issued = await make();
  const files: NewFile[] = [
    { name: `${base}.crt`, bytes: issued.certPem, secret: false },
    { name: `${base}.key`, bytes: issued.keyPem, secret: true },
  ];
  if (withCa) files.push({ name: CA_CERT_FILE, bytes: issued.caPem, secret: false });
  writeNewFiles(out, files);
  const { serial, notAfterMs } = readCertificate(issued.certPem);
  return [
    `${role}/${id}, serial ${serial}, until ${day(notAfterMs)}`,
    `${join(out, `${base}.crt`)}  ${join(out, `${base}.key`)}  ${join(out, CA_CERT_FILE)}`,
  ];
}

function making(role: Role): Verb["run"] {
  return async (words) => {
    const { name: id, nowMs } = words;
    const out = given(words, "out");
    const days = daysOf(words, LEAF_DAYS);
    const priority = priorityOf(words);
    const curve = words.values.p256 === true ? "p256" : "ed25519";
    const authority = caOf(words);
    return await deliver(authority, { role, id, out }, () =>
      authority.issue({ role, id, days, nowMs, priority, curve }),
    );
  };
}

async function rotate(words: Words): Promise<string[]> {
  const { name: file, nowMs } = words;
  const out = given(words, "out");
  const days = daysOf(words, LEAF_DAYS);
  const authority = caOf(words);
  const old = readFile(file);
  const { role, id } = old.identity;
  const lines = await deliver(authority, { role, id, out }, () =>
    authority.rotate(old, days, nowMs),
  );
  return [
    ...lines,
    `${file}, serial ${old.serial}, stays good until ${day(old.notAfterMs)} or until it is revoked`,
  ];
}

async function revoke(words: Words): Promise<string[]> {
  const { name, nowMs } = words;
  const out = given(words, "out");
  const authority = caOf(words);
  refuseOverlap(authority.dir, out, false);
  const { what, serial } = revocable(name);
  const file = `${serial}${REVOCATION_ENDING}`;
  refuseTaken(out, [file]);
  const bytes = authority.revoke(what, nowMs);
  writeNewFiles(out, [{ name: file, bytes, secret: false }]);
  const { atMs } = openRevocation(bytes, authority.ca);
  return [
    `serial ${serial} is revoked since ${new Date(atMs).toISOString()}: ${join(out, file)}`,
    `copy it into ${REVOKED_FOLDER}/ of a node's key folder and run \`stopline reload\` there,`,
    "or send it to a node as an operator's command; the node passes it on to its zone",
  ];
}

async function show(words: Words): Promise<string[]> {
  const { name: file, nowMs, values } = words;
  const certificate = readFile(file);
  const { identity, serial, notBeforeMs, notAfterMs, priority } = certificate;
  const { region, zone, role, id } = identity;
  const left = expiresInDays(certificate, nowMs);
  const line = (label: string, text: string): string => `${label.padEnd(11)}${text}`;
  const lines = [
    line("who", `${role}/${id} in ${region}/${zone}`),
    line("serial", serial),
    line("from", new Date(notBeforeMs).toISOString()),
    line("to", new Date(notAfterMs).toISOString()),
    line("priority", priority),
    line("days left", nowMs > notAfterMs ? "none, it has expired" : String(left)),
  ];
  if (values.ca === undefined) return lines;
  const authority = caOf(words);
  authority.refuseForeign(certificate.x509);
  return [...lines, line("revoked", authority.revokedAt(serial) ?? "no")];
}

/** What is wrong with the words behind the verb, or null. */
function misuse(
  verb: Verb,
  name: string,
  rest: readonly string[],
  options: string[],
): string | null {
  const foreign = options.find((option) => !verb.options.includes(option));
  if (foreign !== undefined) return `--${foreign} does not go with keys ${name}`;
  const wanted = name === "init" ? 0 : 1;
  return rest.length === wanted ? null : `use: stopline keys ${verb.usage}`;
}

/** Runs one verb; every mistake is one line on stderr and exit code 1, with nothing left behind. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseOptions(args, OPTIONS);
  if (!parsed.ok) return fail("keys", parsed.problem);
  const [name = "", ...rest] = parsed.rest;
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined) {
    const verbs = Object.keys(VERBS).join("|");
    return fail("keys", `use: stopline keys ${verbs} …, see docs/keys.md`);
  }
  const problem = misuse(verb, name, rest, Object.keys(parsed.values));
  if (problem !== null) return fail("keys", problem);
  try {
    const words = { name: rest[0] ?? "", values: parsed.values, nowMs: Date.now() };
    process.stdout.write(`${(await verb.run(words)).join("\n")}\n`);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      return fail("keys", `${error.message}; use: stopline keys ${verb.usage}`);
    }
    if (isReadable(error)) return fail("keys", error.message);
    throw error;
  }
}

function isReadable(error: unknown): error is Error {
  const ours = [PlaceError, AuthorityError, CertificateError, KeyFileError];
  if (ours.some((kind) => error instanceof kind)) return true;
  return error instanceof Error && (error as NodeJS.ErrnoException).code !== undefined;
}
