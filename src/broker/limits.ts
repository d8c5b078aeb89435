// Every bound of the broker in one place, each with its reason. They are engineering choices for a
// board with 1 GB; what a bound protects is said beside it.
import type { PlaceCounts } from "./places.ts";

export interface BrokerLimits {
  /** From the first byte to a whole CONNECT. A client that connects and says nothing is gone. */
  readonly connectTimeoutMs: number;
  /** A CONNECT with will and password; nobody is known yet, so it is small. */
  readonly maxConnectBytes: number;
  /** Any other packet. Our own largest message (MAP) has 4 kB at most. */
  readonly maxPacketBytes: number;
  /**
   * Connections of each role; the console has its own: a flood of sockets must not hide the
   * junction. An idle one costs about 120 kB of memory, with TLS about 200 kB (growth of the
   * process by 240 plain ones, by 600 with TLS).
   */
  readonly connections: PlaceCounts;
  /** Connections to a listener without TLS before their CONNECT. */
  readonly newcomers: number;
  /** Of one certificate's holder: of more the oldest goes. */
  readonly connectionsEach: number;
  readonly maxSubscriptions: number;
  readonly maxClientIdBytes: number;
  /**
   * Sustained rate and burst of packets a client may send; beyond it its socket is read slower.
   * This and what follows holds before it is known who a client is; then `Allowances` says it.
   */
  readonly packetsPerS: number;
  readonly packetBurst: number;
  readonly bytesPerS: number;
  readonly byteBurst: number;
  /** A subscriber that lets its full buffer stand this long is cut off. */
  readonly drainTimeoutMs: number;
  /** Bytes waiting for one client: beyond the first QoS 0 is dropped, beyond the second it goes. */
  readonly writeBufferBytes: number;
  readonly writeCutBytes: number;
  /** Persistent sessions, and what each may hold: 64 × 256 kB = 16 MB in the worst case. */
  readonly maxSessions: number;
  readonly sessionMessages: number;
  readonly sessionBytes: number;
  readonly sessionExpiryMs: number;
  /** Commits that somebody waits for gather this long, and are so many a second at most. */
  readonly commitGroupMs: number;
  readonly commitsPerS: number;
  /** What nobody waits for goes with the next commit, or after this; a crash repeats it. */
  readonly idleCommitMs: number;
  /** A publisher waits this long for a disk that does not take its message, then it is refused. */
  readonly commitPatienceMs: number;
  /** Half-open QoS 2 handshakes of one client, and how much of their content is remembered. */
  readonly maxInflightInbound: number;
  readonly handshakeBytes: number;
  /** Retained messages of all clients together. */
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  /** Replays at once, and rows a second for all of them together: each costs the log a reading. */
  readonly maxReplays: number;
  readonly replaysPerClient: number;
  readonly replayRowsPerS: number;
  /** Positions that are taken of one vehicle; of more the newest counts. */
  readonly reportsPerS: number;
  readonly reportBurst: number;
  /** Of all together. */
  readonly allReportsPerS: number;
  /** Changes that are taken of one detector: each goes to the control thread. */
  readonly detectorChangesPerS: number;
  /** So many publishes refused within that time, and the certificate's holder is cut off. */
  readonly refusedPublishes: number;
  readonly refusedWithinMs: number;
  readonly cutOffMs: number;
  /** Names of whom that is remembered: more than have a certificate in most zones. */
  readonly cutOffNames: number;
}

export const DEFAULT_LIMITS: BrokerLimits = {
  connectTimeoutMs: 5_000,
  maxConnectBytes: 8_192,
  maxPacketBytes: 65_536,
  connections: {
    vehicle: 640,
    sensor: 64,
    operator: 32,
    reader: 256,
    console: 16,
  },
  newcomers: 256,
  connectionsEach: 8,
  maxSubscriptions: 50,
  maxClientIdBytes: 128,
  packetsPerS: 1_000,
  packetBurst: 2_000,
  bytesPerS: 1_048_576,
  byteBurst: 2_097_152,
  drainTimeoutMs: 1_000,
  writeBufferBytes: 262_144,
  writeCutBytes: 1_048_576,
  maxSessions: 64,
  sessionMessages: 1_000,
  sessionBytes: 262_144,
  sessionExpiryMs: 86_400_000,
  commitGroupMs: 20,
  commitsPerS: 5,
  idleCommitMs: 5_000,
  commitPatienceMs: 10_000,
  maxInflightInbound: 10_000,
  handshakeBytes: 4_096,
  retainedMessages: 1_000,
  retainedBytes: 4_194_304,
  maxReplays: 8,
  replaysPerClient: 2,
  replayRowsPerS: 5_000,
  reportsPerS: 10,
  reportBurst: 10,
  allReportsPerS: 1_000,
  detectorChangesPerS: 20,
  refusedPublishes: 10,
  refusedWithinMs: 60_000,
  cutOffMs: 300_000,
  cutOffNames: 4_096,
};
