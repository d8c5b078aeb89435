// `stopline reload FILE --data DIR`: asks the running node, through its console and with its
// secret, to read its site file anew. The data folder tells where the console listens, for FILE may
// say something new.
import { lastConsoleAddress } from "../console/place.ts";
import { readConsoleSecret } from "../console/secret.ts";
import { readSite } from "../node/read-site.ts";
import { fail, parseOptions } from "./options.ts";

interface Answer {
  readonly ok: boolean;
  readonly problems: readonly string[];
}

/** Prints what the node answered; 0 when it runs the new file. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseOptions(args, { data: { type: "string" } });
  if (!parsed.ok) return fail("reload", parsed.problem);
  const [file] = parsed.rest;
  const dataDir = parsed.values.data;
  if (file === undefined || typeof dataDir !== "string") {
    return fail("reload", "use: stopline reload FILE --data DIR");
  }
  const loaded = await readSite(file);
  if (!loaded.ok) {
    for (const problem of loaded.problems) process.stderr.write(`${problem}\n`);
    return fail("reload", "nothing was changed");
  }
  const secret = readConsoleSecret(dataDir);
  if (secret === null) return fail("reload", `${dataDir} has no console secret; is it the folder?`);
  const origin = lastConsoleAddress(dataDir);
  if (origin === null) return fail("reload", `${dataDir} does not say where its console listens`);
  return await ask(origin, secret);
}

async function ask(origin: string, secret: string): Promise<number> {
  try {
    const headers = { origin, authorization: `Bearer ${secret}` };
    const response = await fetch(`${origin}/api/reload`, { method: "POST", headers });
    if (response.headers.get("content-type") !== "application/json") {
      return fail("reload", `${response.status}: ${(await response.text()).trim()}`);
    }
    const { ok, problems } = (await response.json()) as Answer;
    for (const problem of problems) process.stderr.write(`${problem}\n`);
    process.stdout.write(ok ? "reloaded\n" : "nothing was changed\n");
    return ok ? 0 : 1;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return fail("reload", `no answer from ${origin} (${text}); is the node running?`);
  }
}
