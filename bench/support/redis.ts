// Redis as a peer: a server of our own on a free port in a folder of its own, and just enough of
// its protocol to send many commands at once and count the answers.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../src/cli/free-ports.ts";

export type RedisValue = string | Uint8Array;

/** A command as Redis wants it: an array of byte strings. */
function encode(command: readonly RedisValue[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${command.length}\r\n`)];
  for (const value of command) {
    const bytes = Buffer.from(value as Uint8Array);
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n"));
  }
  return Buffer.concat(parts);
}

/** Reads answers off a stream; only where each ends matters. */
class Answers {
  #rest: Buffer = Buffer.alloc(0);

  /** How many whole answers came with these bytes; throws on an error of the server. */
  take(bytes: Buffer): number {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let count = 0;
    let from = 0;
    for (let end = answerEnd(all, from); end !== -1; end = answerEnd(all, from)) {
      if (all[from] === 0x2d) throw new Error(`redis: ${all.toString("latin1", from, end)}`);
      from = end;
      count += 1;
    }
    this.#rest = all.subarray(from);
    return count;
  }
}

/** Where the answer that begins at `from` ends, or -1 while it is not all there. */
function answerEnd(bytes: Buffer, from: number): number {
  const line = bytes.indexOf("\r\n", from);
  if (line === -1) return -1;
  if (bytes[from] !== 0x24) return line + 2;
  const length = Number(bytes.toString("latin1", from + 1, line));
  const end = length < 0 ? line + 2 : line + 2 + length + 2;
  return end <= bytes.length ? end : -1;
}

export interface Redis {
  /** Sends the commands in one piece; resolves with the last of their answers. */
  send(commands: readonly (readonly RedisValue[])[]): Promise<void>;
  stop(): Promise<void>;
}

async function dial(port: number, server: ChildProcess): Promise<Socket> {
  for (let attempt = 0; attempt < 100 && server.exitCode === null; attempt += 1) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      socket.setNoDelay(true);
      return socket;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("redis-server does not answer; is the package redis-server installed?");
}

/** Starts a server. `durable`: each group of commands is on the disk before it is answered. */
export async function startRedis({ durable }: { readonly durable: boolean }): Promise<Redis> {
  const dir = mkdtempSync(join(tmpdir(), "stopline-redis-"));
  const port = await freePort();
  const append = durable ? ["yes", "--appendfsync", "always"] : ["no"];
  const server = spawn(
    "redis-server",
    [
      "--port",
      `${port}`,
      "--bind",
      "127.0.0.1",
      "--dir",
      dir,
      "--save",
      "",
      "--appendonly",
      ...append,
    ],
    { stdio: "ignore" },
  );
  const exited = once(server, "exit").catch(() => undefined);
  const socket = await dial(port, server);
  return {
    async send(commands) {
      const answers = new Answers();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      let left = commands.length;
      const listen = (bytes: Buffer): void => {
        try {
          left -= answers.take(bytes);
          if (left <= 0) resolve();
        } catch (error) {
          reject(error);
        }
      };
      socket.on("data", listen);
      socket.write(Buffer.concat(commands.map(encode)));
      await promise;
      socket.off("data", listen);
    },
    async stop() {
      socket.destroy();
      server.kill("SIGTERM");
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
