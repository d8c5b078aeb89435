// WebSocket for MQTT: the one file that imports `ws`. It takes an upgrade that the access rules
// have let through and hands the broker a plain stream of bytes.
import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";
import { CONSOLE_LIMITS } from "./limits.ts";

/** The one sub-protocol we speak (MQTT 3.1.1, section 6). */
const SUBPROTOCOL = "mqtt";

export interface WebSocketDoor {
  /** Completes the handshake, or writes a refusal and ends the socket. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  open(): number;
  close(): void;
}

/** Opens the door; `onStream` gets each connection as a stream of MQTT bytes. */
export function createWebSocketDoor(
  onStream: (stream: Duplex, request: IncomingMessage) => void,
): WebSocketDoor {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    perMessageDeflate: false,
    maxPayload: CONSOLE_LIMITS.maxWebSocketBytes,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  server.on("connection", (socket: WebSocket, request: IncomingMessage) => {
    const stream = createWebSocketStream(socket);
    // A page that goes away in the middle of a message is everyday life, not an error.
    stream.on("error", () => stream.destroy());
    onStream(stream, request);
  });
  return {
    accept(request, socket, head) {
      if (server.clients.size >= CONSOLE_LIMITS.maxWebSockets) {
        refuseUpgrade(socket, 503, "too many open pages");
        return;
      }
      if (socket instanceof Socket) socket.setNoDelay(true);
      server.handleUpgrade(request, socket, head, (webSocket) =>
        server.emit("connection", webSocket, request),
      );
    },
    open: () => server.clients.size,
    close() {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}

/** Answers an upgrade with a status and words, and ends the socket. */
export function refuseUpgrade(socket: Duplex, status: number, reason: string): void {
  socket.on("error", () => socket.destroy());
  const body = `${reason}\n`;
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
