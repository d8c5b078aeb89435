// The peers: mosquitto and nats-server's MQTT listener, processes of our own on ports of our own.
// With keys they ask for the client's certificate too. Their queues are made long, so that what a
// slow moment holds up is late and not lost.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filesOf } from "./keys.ts";

export interface BrokerPlan {
  /** Its configuration and its store go into it. */
  readonly dir: string;
  readonly address: string;
  readonly port: number;
  /** Folder of its keys, or null for plain TCP. */
  readonly keyFolder: string | null;
  /** Command and arguments in front of it. */
  readonly within?: readonly string[];
}

export interface Broker {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const QUEUE = 60_000;

function run(plan: BrokerPlan, command: readonly string[]): Broker {
  const [program = "", ...args] = [...(plan.within ?? []), ...command];
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit").catch(() => undefined);
  let stopping = false;
  let words = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    words = `${words}${chunk}`.slice(-2_000);
  });
  child.once("exit", (code) => {
    if (!stopping) process.stderr.write(`${command[0]} ended with ${code}:\n${words}\n`);
  });
  child.once("error", (error) => process.stderr.write(`${error.message}\n`));
  const scheme = plan.keyFolder === null ? "mqtt" : "mqtts";
  return {
    url: `${scheme}://${plan.address}:${plan.port}`,
    pid: child.pid ?? 0,
    stop: async () => {
      stopping = true;
      end(child);
      await ended;
    },
  };
}

function end(child: ChildProcess): void {
  if (child.exitCode === null) child.kill("SIGKILL");
}

/** Starts it; its clients try until it answers. */
export function startMosquitto(plan: BrokerPlan): Broker {
  mkdirSync(plan.dir, { recursive: true });
  const lines = [
    `listener ${plan.port} ${plan.address}`,
    "allow_anonymous true",
    "set_tcp_nodelay true",
    "log_type error",
    `max_inflight_messages ${QUEUE}`,
    `max_queued_messages ${QUEUE}`,
    "user root",
  ];
  if (plan.keyFolder !== null) {
    const { ca, cert, key } = filesOf(plan.keyFolder);
    lines.push(`cafile ${ca}`, `certfile ${cert}`, `keyfile ${key}`, "require_certificate true");
  }
  const file = join(plan.dir, "mosquitto.conf");
  writeFileSync(file, `${lines.join("\n")}\n`);
  return run(plan, ["mosquitto", "-c", file]);
}

/** Starts it; its clients try until it answers. */
export function startNats(plan: BrokerPlan): Broker {
  mkdirSync(plan.dir, { recursive: true });
  const lines = [`host: "${plan.address}"`, `port: ${plan.port}`, `max_ack_pending: ${QUEUE}`];
  if (plan.keyFolder !== null) {
    const { ca, cert, key } = filesOf(plan.keyFolder);
    lines.push(`tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", verify: true }`);
  }
  const file = join(plan.dir, "nats.conf");
  writeFileSync(
    file,
    [
      'server_name: "bench"',
      `host: "${plan.address}"`,
      "port: -1",
      `jetstream { store_dir: "${join(plan.dir, "store")}" }`,
      `mqtt { ${lines.join("\n")} }`,
      "",
    ].join("\n"),
  );
  return run(plan, ["nats-server", "-c", file]);
}
