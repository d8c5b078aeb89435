// The mesh thread of a simulated node: the same body as in production, over the virtual network.
import { generateKeyPairSync, hash, type KeyObject } from "node:crypto";
import type { ChannelPort } from "../log/channel.ts";
import { MeshBody } from "../node/mesh-body.ts";
import {
  type ChannelMesh,
  type FromTransport,
  isTold,
  type MeshKeys,
  type ToMesh,
  type ToTransport,
} from "../node/mesh-messages.ts";
import type { Keys } from "../wire/keys.ts";
import type { Endpoint, Network } from "./network.ts";
import type { WorkerCode } from "./process.ts";
import { checkMadeUp } from "./revocations.ts";
import { runningThread, type SimThread } from "./thread.ts";

/**
 * Signatures without their cost (0.1 ms each of real time): a hash over the origin's name. Nobody
 * in a simulation forges one; a changed byte is noticed just as well.
 */
function signatureOf(origin: string, domain: string, bytes: Uint8Array): Uint8Array {
  const sum = hash("sha512", Buffer.concat([Buffer.from(`${origin} ${domain} `), bytes]), "buffer");
  return new Uint8Array(sum);
}

export function simKeys(id: string, members: ReadonlySet<string>): Keys {
  return {
    sign: (domain, bytes) => signatureOf(id, domain, bytes),
    verify(origin, domain, bytes, signature) {
      if (!members.has(origin)) return "unknown-origin";
      const due = signatureOf(origin, domain, bytes);
      return Buffer.compare(due, signature) === 0 ? "good" : "bad";
    },
  };
}

let spare: KeyObject | null = null;

/** Keys as the composition hands them on; the thread's code here uses `simKeys` in their place. */
export function unusedKeys(): MeshKeys {
  spare ??= generateKeyPairSync("ed25519").privateKey;
  return { own: spare, members: [] };
}

/** A mesh thread's end of the network, as the channel that it expects. */
export class NetworkPort implements ChannelPort {
  readonly #network: Network;
  readonly #id: string;
  #endpoint: Endpoint | null = null;
  #thread: SimThread | null = null;

  constructor(network: Network, id: string) {
    this.#network = network;
    this.#id = id;
  }

  postMessage(value: unknown): void {
    const { neighbour, lane, bytes } = value as ToTransport;
    this.#endpoint?.send(neighbour, lane, bytes);
  }

  on(_event: "message", listen: (value: unknown) => void): void {
    const thread = runningThread();
    if (thread === null) throw new Error("a transport is listened to by a thread");
    const hear = (message: FromTransport): void => listen(message);
    this.#thread = thread;
    this.#endpoint = this.#network.attach(this.#id, thread, {
      message: (neighbour, lane, bytes) => hear({ kind: "message", neighbour, lane, bytes }),
      link: (neighbour, up) => hear({ kind: "link", neighbour, up }),
    });
  }

  close(): void {
    this.#endpoint = null;
    this.#network.detach(this.#id, this.#thread);
  }
}

export interface MeshWatch {
  readonly keysOf: (id: string) => Keys;
  readonly onBegin: (body: MeshBody) => void;
}

export function meshCode({ keysOf, onBegin }: MeshWatch): WorkerCode {
  return ({ thread, data, tell, exit }) => {
    const { node, neighbours, transport } = data as ChannelMesh;
    const body = new MeshBody({
      node,
      neighbours,
      keys: keysOf(node),
      timers: thread.timers,
      send: (neighbour, lane, bytes) => transport.postMessage({ neighbour, lane, bytes }),
      tell,
      checkRevocation: checkMadeUp,
    });
    transport.on("message", (message) => body.step(message as FromTransport));
    onBegin(body);
    tell({ kind: "ready" });
    return (message) => {
      body.take(message as ToMesh);
      const told = message as ToMesh;
      if (isTold(told) || told.kind !== "stop") return;
      transport.close();
      exit();
    };
  };
}
