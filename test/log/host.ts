// A log thread with both its sides, as the node puts them together.
import { once } from "node:events";
import { MessageChannel, Worker } from "node:worker_threads";
import { type ChannelPort, transferable } from "../../src/log/channel.ts";
import { LOG_LIMITS, LOG_THREAD, LogClient, type LogClientOptions } from "../../src/log/client.ts";
import { type Effect, LogDoor } from "../../src/log/door.ts";
import type {
  Answer,
  FromLog,
  LogData,
  Question,
  TellService,
  ToLog,
} from "../../src/log/messages.ts";

export interface Host {
  readonly client: LogClient;
  readonly door: LogDoor;
  /** Asks as the mesh thread does. */
  readonly ask: (question: WithoutToken<Question>) => Promise<Answer>;
  /** Ends the thread without warning and starts another. */
  readonly restart: () => Promise<void>;
  /** Orderly: everything durable, snapshot made, file closed. */
  readonly stop: () => Promise<void>;
  readonly opened: () => Promise<void>;
}

type WithoutToken<Q> = Q extends Question ? Omit<Q, "token"> : never;

/** The mesh thread's end of a channel: each question is answered once. */
class Asking {
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #port: ChannelPort | null = null;
  #token = 0;

  attach(port: ChannelPort): void {
    this.#port?.close();
    this.#port = port;
    port.on("message", (value) => {
      const message = value as TellService;
      if (message.kind === "committed") port.postMessage({ kind: "taken" });
      else if (message.kind !== "resume") this.#waiting.get(message.token)?.(message);
    });
  }

  readonly ask = (question: WithoutToken<Question>): Promise<Answer> => {
    this.#token += 1;
    const token = this.#token;
    return new Promise((resolve) => {
      this.#waiting.set(token, (answer) => {
        this.#waiting.delete(token);
        resolve(answer);
      });
      this.#port?.postMessage({ ...question, token });
    });
  };

  detach(): void {
    this.#port?.close();
  }
}

export interface HostOptions extends Partial<LogClientOptions> {
  readonly data?: Partial<LogData>;
  readonly effect?: Effect;
  /** Another entry of the log thread. */
  readonly thread?: URL;
}

export function startHost(dir: string, options: HostOptions = {}): Host {
  let worker: Worker;
  let tellOpened: () => void = () => undefined;
  let opened = Promise.resolve();
  const client = new LogClient({
    ...options,
    post: (message: ToLog) => {
      worker.postMessage(message, message.kind === "attach" ? transferable([message.port]) : []);
      return true;
    },
    onOpened: (message) => {
      options.onOpened?.(message);
      tellOpened();
    },
  });
  const door = new LogDoor(options.effect ?? (async () => null));
  const asking = new Asking();
  const start = (): void => {
    opened = new Promise((resolve) => {
      tellOpened = resolve;
    });
    const data = client.threadData({
      dir,
      version: "0.1.0",
      site: "5ebc",
      cause: "test",
      maxBytes: 100_000_000,
      keepMs: 30 * 86_400_000,
      ...options.data,
    });
    const entry = options.thread ?? LOG_THREAD;
    worker = new Worker(entry, { workerData: data, resourceLimits: LOG_LIMITS });
    worker.on("message", (message: FromLog | "alive") => {
      if (message !== "alive") client.take(message);
    });
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ kind: "attach", who: "service", port: port1 } satisfies ToLog, [port1]);
    door.attach(port2);
    const mesh = new MessageChannel();
    const attach = { kind: "attach", who: "mesh", port: mesh.port1 } satisfies ToLog;
    worker.postMessage(attach, [mesh.port1]);
    asking.attach(mesh.port2);
  };
  start();
  return {
    client,
    door,
    ask: asking.ask,
    opened: () => opened,
    restart: async () => {
      await worker.terminate();
      client.threadDied();
      start();
    },
    stop: async () => {
      await client.flush(60_000);
      door.detach();
      asking.detach();
      const exited = once(worker, "exit");
      worker.postMessage({ kind: "stop" } satisfies ToLog);
      await exited;
    },
  };
}
