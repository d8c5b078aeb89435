// Revocations where there are no certificates: a made-up serial behind a mark. Nobody in a
// simulation forges one, and bytes that came to harm are noticed just as well.
const MARK = "revoked ";
const MADE_UP = /^revoked ((?:[0-9a-f]{2}){1,20})$/;

/** The bytes that revoke the certificate of a serial in lower-case hexadecimal. */
export function madeUpRevocation(serial: string): Uint8Array {
  return new TextEncoder().encode(`${MARK}${serial}`);
}

/** The serial that made-up bytes revoke, or null for others. */
export function checkMadeUp(signed: Uint8Array): string | null {
  return MADE_UP.exec(Buffer.from(signed).toString("latin1"))?.[1] ?? null;
}
