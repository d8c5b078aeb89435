// Two network namespaces with one cable between them, and the weather on it: nftables in each of
// them drops what arrives. Needs root, `ip` and `nft`.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

export const ADDRESSES = ["10.99.0.1", "10.99.0.2"] as const;

/** `random`: 5 % of the packets each way. `bursts`: as many, in runs of mean 4 of one flow. */
export type Weather = "fine" | "random" | "bursts";

const PREFIX = "stopline-loss-";
const FLOW = "ip saddr . meta l4proto . th sport . th dport";

/**
 * Of a run the first packet is dropped with 1.32 %, each that follows with three in four: 4 of 79
 * packets are lost.
 */
const BURSTS = `
  counter came { }
  counter lost { }
  set bad {
    type ipv4_addr . inet_proto . inet_service . inet_service
    flags dynamic
    size 65535
    timeout 1h
  }
  chain lost {
    numgen random mod 4 < 1 delete @bad { ${FLOW} }
    counter name lost drop
  }
  chain input {
    type filter hook input priority 0
    iifname != "cable" accept
    counter name came
    ${FLOW} @bad goto lost
    numgen random mod 10000 < 132 add @bad { ${FLOW} } goto lost
  }`;

const RANDOM = `
  counter came { }
  counter lost { }
  chain input {
    type filter hook input priority 0
    iifname != "cable" accept
    counter name came
    numgen random mod 100 < 5 counter name lost drop
  }`;

function run(command: readonly string[], input = ""): string {
  const [program = "", ...args] = command;
  const { status, stdout, stderr, error } = spawnSync(program, args, { input, encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr.trim()}`);
  return stdout;
}

/** Namespaces of runs that were killed and could not tidy up. */
function removeStale(): void {
  for (const line of run(["ip", "netns", "list"]).split("\n")) {
    const [name = ""] = line.split(" ");
    const pid = name.startsWith(PREFIX) ? name.slice(PREFIX.length).split("-")[0] : undefined;
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) run(["ip", "netns", "delete", name]);
  }
}

export class Namespaces {
  readonly #names = [`${PREFIX}${process.pid}-a`, `${PREFIX}${process.pid}-b`] as const;

  /** Throws in one line where the system refuses; `close` then removes what is there. */
  open(): void {
    removeStale();
    const [a, b] = this.#names;
    for (const name of this.#names) run(["ip", "netns", "add", name]);
    const peer = ["type", "veth", "peer", "name", "cable", "netns", b];
    run(["ip", "-n", a, "link", "add", "cable", ...peer]);
    for (const [index, name] of this.#names.entries()) {
      run(["ip", "-n", name, "address", "add", `${ADDRESSES[index]}/24`, "dev", "cable"]);
      run(["ip", "-n", name, "link", "set", "cable", "up"]);
      run(["ip", "-n", name, "link", "set", "lo", "up"]);
    }
  }

  /** Commands that run a program in either of them. */
  get within(): readonly [readonly string[], readonly string[]] {
    const [a, b] = this.#names;
    return [
      ["ip", "netns", "exec", a],
      ["ip", "netns", "exec", b],
    ];
  }

  /** From now on, each way, on what crosses the cable; the loopback inside is left alone. */
  weather(weather: Weather): void {
    const rules = weather === "bursts" ? BURSTS : RANDOM;
    const text = `table inet weather {${rules}\n}\n`;
    for (const within of this.within) {
      run([...within, "nft", "-f", "-"], `flush ruleset\n${weather === "fine" ? "" : text}`);
    }
  }

  /** Packets dropped of all that came, both ways, since the weather began. */
  lostShare(): number {
    const sums = { came: 0, lost: 0 };
    for (const within of this.within) {
      const listed = run([...within, "nft", "list", "counters"]);
      for (const [, name = "", packets] of listed.matchAll(/counter (\w+) \{\s+packets (\d+)/g)) {
        if (name === "came" || name === "lost") sums[name] += Number(packets);
      }
    }
    return sums.lost / sums.came;
  }

  close(): void {
    for (const name of this.#names) {
      spawnSync("ip", ["netns", "delete", name], { stdio: "ignore" });
    }
  }
}
