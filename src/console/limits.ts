// Bounds of the console's server, each with its reason: one person with three tabs and a metrics
// scraper is the use; anything far beyond that is a fault or an attack.

export const CONSOLE_LIMITS = {
  /** Sockets of all kinds together; each costs some 20 kB. */
  maxConnections: 64,
  /** Of those, pages that watch live. */
  maxWebSockets: 16,
  /** Our longest request line and headers stay below 2 kB. */
  maxHeaderBytes: 8_192,
  /** `reload` has no body; whatever comes is read up to here and then cut. */
  maxBodyBytes: 1_024,
  /** From the first byte to whole headers: a client that dribbles is gone. */
  headersTimeoutMs: 5_000,
  /** From the first byte to the whole request. */
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 5_000,
  /** How often the two timeouts are looked at. */
  checkIntervalMs: 1_000,
  /** Events in one answer: ten busy minutes, which the strip looks back to. */
  maxEvents: 6_000,
  /** The largest MQTT packet a page sends is a command of 200 bytes. */
  maxWebSocketBytes: 65_536,
} as const;
