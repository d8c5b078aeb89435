// The way in over TLS: sockets that a listener has accepted become peers whose certificate was
// judged. Handshakes are bounded by whoever owns the entrance; what they cost is theirs to weigh.
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { Certificate } from "./certificate.ts";
import type { Trust, WallTime, Wanted } from "./judge.ts";
import type { KeyFolder } from "./key-folder.ts";
import { serverOptions } from "./tls.ts";

/** A bound on handshakes: `ended` follows each that may begin. */
export interface HandshakeBound {
  begin(address: string): boolean;
  ended(): void;
}

export interface EntranceOptions {
  readonly folder: KeyFolder;
  readonly trust: Trust;
  readonly wanted: Wanted;
  readonly bound: HandshakeBound;
  readonly now: () => WallTime;
  /** Somebody who is believed; nothing of theirs was read yet. */
  readonly onPeer: (socket: TLSSocket, certificate: Certificate) => void;
  readonly onRefused: (reason: string, address: string) => void;
}

export class TlsEntrance {
  readonly #options: EntranceOptions;
  readonly #server: Server;
  /** Handshakes that run, by the place that they come from. */
  readonly #shaking = new Map<string, Socket>();

  constructor(options: EntranceOptions) {
    this.#options = options;
    this.#server = createServer(serverOptions(options.folder), (socket) => this.#shaken(socket));
    this.#server.on("tlsClientError", (_error, socket) => {
      options.onRefused("handshake-failed", socket.remoteAddress ?? "?");
      this.#over(socket);
      socket.destroy();
    });
  }

  /** Takes over a connection before its first byte. */
  enter(socket: Socket): void {
    const { bound, onRefused } = this.#options;
    const address = socket.remoteAddress;
    socket.on("error", () => socket.destroy());
    if (address === undefined) {
      // It has gone already, and can't be told from others that have.
      socket.destroy();
      return;
    }
    if (!bound.begin(address)) {
      onRefused("handshakes", address);
      socket.destroy();
      return;
    }
    this.#shaking.set(placeOf(socket), socket);
    socket.once("close", () => this.#over(socket));
    this.#server.emit("connection", socket);
  }

  /** Why a peer that is in would not come in now, or null. */
  refusal(certificate: Certificate): string | null {
    const { trust, wanted, now } = this.#options;
    const judgement = trust.judgeAgain(certificate, wanted, now());
    return judgement.ok ? null : judgement.reason;
  }

  close(): void {
    for (const socket of this.#shaking.values()) socket.destroy();
  }

  #over(socket: Socket): void {
    for (const [place, shaking] of this.#shaking) {
      if (shaking !== socket && place !== placeOf(socket)) continue;
      this.#shaking.delete(place);
      this.#options.bound.ended();
    }
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

function placeOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress ?? "gone"} ${remotePort ?? 0}`;
}
