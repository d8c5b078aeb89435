// Takes one command to a running node and brings its reply: through the console on this machine
// with its secret, or over MQTT with TLS and an operator's certificate. Both are the same topic.
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { lastConsoleAddress } from "../console/place.ts";
import { readConsoleSecret } from "../console/secret.ts";
import { type Certificate, CertificateError, readCertificate } from "../trust/certificate.ts";
import { KeyFileError, readKeyFile } from "../trust/key-files.ts";
import { CA_CERT_FILE } from "../trust/key-folder.ts";
import { decodeReply, encodeCommand, type Reply } from "../wire/command.ts";
import type { CommandBody } from "../wire/command-body.ts";

/** The node answers within a second; a slow disk may take some. */
const PATIENCE_MS = 15_000;
const LIFE_MS = 30_000;

/** Why there is no reply, in one line. */
export class OrderError extends Error {
  override readonly name = "OrderError";
}

/** Where the node is and who asks. */
export interface Door {
  readonly url: string;
  readonly options: IClientOptions;
  /** The node's own topics, such as `stopline/1/north/centre/a/`; known once connected. */
  readonly prefix: () => string;
}

/** The console of the node whose data folder this is; `origin` where it is not the kept one. */
export async function consoleDoor(dataDir: string, origin: string | null): Promise<Door> {
  const secret = readConsoleSecret(dataDir);
  if (secret === null) {
    throw new OrderError(`${dataDir} has no console secret; is it the folder?`);
  }
  const at = origin ?? lastConsoleAddress(dataDir);
  if (at === null) throw new OrderError(`${dataDir} does not say where its console listens`);
  const prefix = await prefixOf(at);
  const options = {
    username: "operator",
    password: secret,
    wsOptions: { headers: { origin: at } },
  };
  const clientId = `order-${randomBytes(8).toString("hex")}`;
  return {
    url: `${at.replace(/^http/, "ws")}/mqtt`,
    options: { clientId, ...options },
    prefix: () => prefix,
  };
}

async function prefixOf(origin: string): Promise<string> {
  try {
    const response = await fetch(`${origin}/api/site`);
    const { site } = (await response.json()) as { site: { topicPrefix: string } | null };
    if (site !== null) return site.topicPrefix;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const why = `no answer from ${origin} (${text}); is the node running?`;
    throw new OrderError(why, { cause: error });
  }
  throw new OrderError(`the node at ${origin} has no site to run`);
}

/** A node's listener for certificates; `keys` is an operator's folder, or the `.crt` in it. */
export function secureDoor(url: string, keys: string): Door {
  return readable(() => openDoor(url, keys));
}

/** What a file has wrong is an `OrderError`. */
function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const known = error instanceof KeyFileError || error instanceof CertificateError;
    if (known || (error as NodeJS.ErrnoException).code !== undefined) {
      throw new OrderError((error as Error).message, { cause: error });
    }
    throw error;
  }
}

/** An operator's certificate and key; the same errors. */
export function readOperator(keys: string): Operator {
  return readable(() => operatorIn(keys));
}

interface Operator {
  readonly certificate: Certificate;
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

function operatorIn(keys: string): Operator {
  const path = certificateIn(keys);
  const cert = readFileSync(path, "utf8");
  const certificate = readCertificate(cert);
  const { identity } = certificate;
  if (identity.role !== "operator") {
    throw new OrderError(`${path} is of ${identity.role}/${identity.id}; only operators order`);
  }
  const key = readKeyFile(path.replace(/\.crt$/, ".key"), {
    secret: true,
    madeBy: "`stopline keys operator`",
  }).toString();
  const ca = readFileSync(join(dirname(path), CA_CERT_FILE), "utf8");
  return { certificate, cert, key, ca };
}

function openDoor(url: string, keys: string): Door {
  const { certificate, cert, key, ca } = operatorIn(keys);
  const { identity } = certificate;
  let prefix = "";
  // mqtt.js hands all of it to `tls.connect`; its types know a part.
  const secure: ConnectionOptions = {
    ca,
    cert,
    key,
    minVersion: "TLSv1.3",
    rejectUnauthorized: true,
    // An address names nobody: which node it is stands in its certificate.
    checkServerIdentity: (_host, { subjectaltname = "" }) => {
      const [, node] =
        /^URI:stopline:\/\/([\w-]+\/[\w-]+\/node\/[\w-]+)$/.exec(subjectaltname) ?? [];
      if (node === undefined) return new Error(`the certificate is of ${subjectaltname}, no node`);
      prefix = `stopline/1/${node.replace("/node/", "/")}/`;
      return undefined;
    },
  };
  const clientId = `operator:${identity.id}:order-${randomBytes(4).toString("hex")}`;
  const options = { clientId, ...(secure as IClientOptions) };
  return { url, options, prefix: () => prefix };
}

function certificateIn(keys: string): string {
  if (statSync(keys).isFile()) return keys;
  const names = readdirSync(keys).filter((name) => name.endsWith(".crt") && name !== CA_CERT_FILE);
  const [only] = names;
  if (only !== undefined && names.length === 1) return join(keys, only);
  const found = names.length === 0 ? "no certificate" : `several: ${names.join(", ")}; name one`;
  throw new OrderError(`${keys} holds ${found}`);
}

/** Sends one command and waits for the node's reply; throws an `OrderError` when none comes. */
export async function giveOrder(door: Door, body: CommandBody): Promise<Reply> {
  const client = mqtt.connect(door.url, {
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: PATIENCE_MS,
    timerVariant: "native",
    ...door.options,
  });
  try {
    return await converse(client, door, body);
  } finally {
    client.end(true);
  }
}

function converse(client: MqttClient, door: Door, body: CommandBody): Promise<Reply> {
  const id = randomBytes(16).toString("hex");
  return new Promise((resolve, reject) => {
    let sent = false;
    const fail = (why: string): void => {
      const known = sent ? "; look at the events before you repeat it" : "; nothing was sent";
      reject(new OrderError(`${why}${known}`));
    };
    const timer = setTimeout(() => fail(`no reply from ${door.url}`), PATIENCE_MS);
    client.on("connect", () => {
      const prefix = door.prefix();
      client.subscribe(`${prefix}reply/${id}`, { qos: 1 }, (error) => {
        if (error !== null) return fail(error.message);
        sent = true;
        const issuedMs = Date.now();
        const bytes = encodeCommand({ id, issuedMs, expiresMs: issuedMs + LIFE_MS, body });
        client.publish(`${prefix}command/${id}`, Buffer.from(bytes), { qos: 1 });
      });
    });
    client.on("message", (_topic, payload) => resolve(decodeReply(payload)));
    client.on("error", (error) => fail(error.message || `${door.url} does not answer`));
    client.on("close", () => {
      clearTimeout(timer);
      fail(`${door.url} closed the connection`);
    });
  });
}
