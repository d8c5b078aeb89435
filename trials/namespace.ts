// Guests and what talks to them live in a network namespace of their own: no port of this machine
// is taken, and nothing of a trial reaches its networks.
import { spawn } from "node:child_process";
import { output } from "./host.ts";
import { imageOf, packageOf, type TrialOptions } from "./options.ts";

const MARK = "STOPLINE_TRIAL_INSIDE";

/**
 * Makes what needs the network, starts `script` again inside, and answers with its exit code; null
 * when this process is the one inside.
 */
export async function innerCode(
  script: string,
  args: readonly string[],
  options: TrialOptions,
): Promise<number | null> {
  if (process.env[MARK] !== undefined) {
    output("ip", ["link", "set", "lo", "up"]);
    return null;
  }
  const deb = packageOf(options);
  await imageOf({ ...options, deb });
  const words = ["--net", "--kill-child", "--fork", process.execPath, script, ...args];
  const child = spawn("unshare", [...words, "--deb", deb], {
    stdio: "inherit",
    env: { ...process.env, [MARK]: "1" },
  });
  process.once("exit", () => child.kill("SIGTERM"));
  return await new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}
