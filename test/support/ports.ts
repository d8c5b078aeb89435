import { freePort } from "../../src/cli/free-ports.ts";

/** What a junction of a corridor listens on; its console takes a free one by itself. */
export async function junctionPorts() {
  return {
    fastPort: await freePort(),
    reliablePort: await freePort(),
    streetPort: await freePort(),
    consolePort: 0,
  };
}
