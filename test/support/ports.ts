// A port that was free a moment ago, on loopback.
import { createServer } from "node:net";

/** For TCP; the same number is all but surely free for UDP. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === "string") throw new Error("a port without a number");
  return address.port;
}

/** What a junction of a corridor listens on; its console takes a free one by itself. */
export async function junctionPorts() {
  return {
    fastPort: await freePort(),
    reliablePort: await freePort(),
    streetPort: await freePort(),
    consolePort: 0,
  };
}
