// A port that was free a moment ago, on loopback.
import { once } from "node:events";
import { createServer } from "node:net";

/** For TCP; the same number is all but surely free for UDP. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a port without a number");
  return address.port;
}
