// The way in over TLS: sockets that a listener has accepted become peers whose certificate was
// judged. Until its first byte a connection costs a place in the waiting room and nothing else;
// then it waits for its handshake, which whoever owns the entrance bounds: what they cost is theirs
// to weigh.
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { Certificate } from "./certificate.ts";
import type { Trust, WallTime, Wanted } from "./judge.ts";
import type { KeyFolder } from "./key-folder.ts";
import { HANDSHAKE_MS, serverOptions } from "./tls.ts";
import { placeOf, type RoomSize, WaitingRoom } from "./waiting-room.ts";

/** A bound on handshakes: `ended` follows each that may begin. */
export interface HandshakeBound {
  begin(address: string): boolean;
  ended(address: string): void;
}

export interface EntranceOptions {
  readonly folder: KeyFolder;
  readonly trust: Trust;
  readonly wanted: Wanted;
  readonly bound: HandshakeBound;
  readonly room: RoomSize;
  /** A handshake that takes longer goes when somebody waits for its place. */
  readonly patienceMs: number;
  readonly now: () => WallTime;
  /** Somebody who is believed; nothing of theirs was read yet. */
  readonly onPeer: (socket: TLSSocket, certificate: Certificate) => void;
  readonly onRefused: (reason: string, address: string) => void;
}

interface Shaking {
  readonly socket: Socket;
  readonly address: string;
  readonly sinceMs: number;
}

/** How often it is looked who has been silent for too long, while anybody is in the room. */
const LOOK_MS = 250;

export class TlsEntrance {
  readonly #options: EntranceOptions;
  readonly #server: Server;
  readonly #room: WaitingRoom<Socket>;
  /** Handshakes that run, by the port that they come from. */
  readonly #shaking = new Map<string, Shaking>();
  #look: NodeJS.Timeout | null = null;

  constructor(options: EntranceOptions) {
    this.#options = options;
    this.#room = new WaitingRoom(options.room);
    this.#server = createServer(serverOptions(options.folder), (socket) => this.#shaken(socket));
    this.#server.on("tlsClientError", (_error, socket) => {
      // Whom we have cut was counted then.
      if (this.#over(socket)) options.onRefused("handshake-failed", socket.remoteAddress ?? "?");
      socket.destroy();
    });
  }

  /** Takes over a connection before its first byte. */
  enter(socket: Socket): void {
    const address = socket.remoteAddress;
    socket.on("error", () => socket.destroy());
    if (address === undefined) {
      // It has gone already, and can't be told from others that have.
      socket.destroy();
      return;
    }
    const { admitted, out } = this.#room.enter(socket, placeOf(address), performance.now());
    if (out !== null) this.#refuse(out, "silent");
    if (!admitted) {
      this.#refuse(socket, "handshakes");
      return;
    }
    socket.once("close", () => {
      this.#room.leave(socket);
      this.#over(socket);
    });
    socket.once("readable", () => {
      if (socket.readableLength === 0) {
        // Its end, and nothing before.
        socket.destroy();
        return;
      }
      this.#room.spoke(socket);
      this.#next();
    });
    this.#look ??= setInterval(() => this.#lookRound(), LOOK_MS).unref();
  }

  /** Why a peer that is in would not come in now, or null. */
  refusal(certificate: Certificate): string | null {
    const { trust, wanted, now } = this.#options;
    const judgement = trust.judgeAgain(certificate, wanted, now());
    return judgement.ok ? null : judgement.reason;
  }

  close(): void {
    for (const socket of this.#room.holders) socket.destroy();
    for (const { socket } of this.#shaking.values()) socket.destroy();
    if (this.#look !== null) clearInterval(this.#look);
  }

  /** Begins as many handshakes of those who wait as may run. */
  #next(): void {
    for (const socket of this.#room.waiting) {
      // A handshake that fails at once lets others begin before this one's turn.
      if (!this.#room.isWaiting(socket)) continue;
      const address = socket.remoteAddress ?? "?";
      if (!this.#options.bound.begin(address)) continue;
      this.#room.leave(socket);
      const sinceMs = performance.now();
      this.#shaking.set(keyOf(socket), { socket, address, sinceMs });
      this.#server.emit("connection", socket);
    }
  }

  /** Ends what takes too long: silence at once, a handshake when somebody waits for it. */
  #lookRound(): void {
    const nowMs = performance.now();
    for (const socket of this.#room.since(nowMs - HANDSHAKE_MS)) this.#refuse(socket, "silent");
    const { patienceMs } = this.#options;
    if (this.#room.waiting.length > 0) {
      for (const { socket, sinceMs } of [...this.#shaking.values()]) {
        if (nowMs - sinceMs < patienceMs) break;
        this.#over(socket);
        this.#refuse(socket, "handshake-slow");
      }
      this.#next();
    }
    if (this.#room.count > 0 || this.#look === null) return;
    clearInterval(this.#look);
    this.#look = null;
  }

  #refuse(socket: Socket, reason: string): void {
    this.#room.leave(socket);
    this.#options.onRefused(reason, socket.remoteAddress ?? "?");
    socket.destroy();
  }

  /** True when its handshake ran until now. */
  #over(socket: Socket): boolean {
    let ran = false;
    for (const [key, shaking] of this.#shaking) {
      if (shaking.socket !== socket && key !== keyOf(socket)) continue;
      this.#shaking.delete(key);
      this.#options.bound.ended(shaking.address);
      ran = true;
    }
    if (ran) this.#next();
    return ran;
  }

  #shaken(socket: TLSSocket): void {
    const { trust, wanted, now, onPeer, onRefused } = this.#options;
    this.#over(socket);
    socket.on("error", () => socket.destroy());
    const judgement = trust.judgePeer(socket, wanted, now());
    if (judgement.ok) {
      onPeer(socket, judgement.certificate);
      return;
    }
    onRefused(judgement.reason, socket.remoteAddress ?? "?");
    socket.destroy();
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress ?? "gone"} ${remotePort ?? 0}`;
}
