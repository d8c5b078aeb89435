// How this node opens and answers TLS: version 1.3 alone, everybody shows a certificate, and the
// judge decides about it, not the library: only he knows whether the clock can be believed, and
// which names may come.
import { constants } from "node:crypto";
import type { ConnectionOptions, TlsOptions } from "node:tls";
import type { KeyFolder } from "./key-folder.ts";

/** A handshake costs two round trips and some signatures; who needs longer is gone. */
export const HANDSHAKE_MS = 5_000;

interface Material {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
  readonly minVersion: "TLSv1.3";
  readonly rejectUnauthorized: false;
}

function material({ keyPem, ownPem, caPem }: KeyFolder): Material {
  return {
    key: keyPem,
    cert: ownPem,
    ca: caPem,
    minVersion: "TLSv1.3",
    // Not blind: `Trust` looks at every certificate before a byte of content is taken.
    rejectUnauthorized: false,
  };
}

/** Of a server that asks every client for its certificate. */
export function serverOptions(folder: KeyFolder): TlsOptions {
  return {
    ...material(folder),
    requestCert: true,
    handshakeTimeout: HANDSHAKE_MS,
    secureOptions: constants.SSL_OP_NO_TICKET,
    noDelay: true,
  };
}

/** Of a connection to a server; names are in its certificate, not in its address. */
export function dialOptions(folder: KeyFolder): ConnectionOptions {
  return { ...material(folder), servername: "", checkServerIdentity: () => undefined };
}
