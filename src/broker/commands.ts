// The command topic: what a client asks for is checked here before the node hears of it, and every
// refusal is answered on `reply/{id}` with its reason (STATE section 4).
//
// The durable memory of ids is the log's. This one in front of it keeps a flood of repeats away
// from the disk, with the same bounds: nothing is evicted, a new id beyond them is `busy`.
import type { ClockQuality } from "../core/site/view.ts";
import { WireError } from "../wire/codec.ts";
import {
  type Command,
  type CommandMessage,
  decodeCommand,
  encodeReply,
  isCommandId,
  type Reply,
  replyToJson,
} from "../wire/command.ts";
import { decodeReplayRequest, isReplay, type ReplayRequest } from "../wire/replay.ts";
import type { NodeTopics } from "../wire/topics.ts";
import type { Peer } from "./access.ts";
import type { Counting } from "./counters.ts";
import type { Outbound } from "./engine.ts";

const MAX_IDS = 10_000;
const MAX_IDS_PER_AUTHOR = 200;
/** Ids outlive their command by this. */
const REMEMBER_MS = 60_000;
/** How far ahead a client's clock may be. */
const AHEAD_MS = 5_000;

/** Who has shown the console's secret has no name of his own. */
const CONSOLE_NAME = "console";
const ONLY_OPERATORS = "only an operator gives commands";
const NO_ATTRIBUTE = "the certificate grants no priority";
/** A reason by which refusals are counted; all others are words. */
const CODE = /^[a-z]+(-[a-z]+)*$/;

export interface CommandPorts {
  readonly topics: NodeTopics;
  readonly counting: Counting;
  readonly publish: (kind: string, message: Outbound) => void;
  readonly hasListener: (topic: string) => boolean;
  readonly onCommand: (command: Command) => Promise<Reply>;
  readonly clock: () => ClockQuality;
  readonly wallMs: () => number;
  /** Begins a replay; why not, or null. Absent where there is no log to read. */
  readonly onReplay?: (peer: Peer, request: ReplayRequest) => string | null;
}

interface Remembered {
  readonly content: string;
  readonly author: string;
  readonly forgetAtMs: number;
  readonly reply: Promise<Reply>;
}

export class Commands {
  readonly #ports: CommandPorts;
  readonly #ids = new Map<string, Remembered>();
  readonly #perAuthor = new Map<string, number>();

  constructor(ports: CommandPorts) {
    this.#ports = ports;
  }

  /**
   * One PUBLISH on `command/{id}`; answers on `reply/{id}` sooner or later. `elsewhere`: why it is
   * refused where the peer is, or null.
   */
  receive(
    peer: Peer,
    id: string,
    message: { payload: Buffer; retain: boolean },
    elsewhere: string | null = null,
  ): void {
    if (!isCommandId(id)) {
      this.#ports.counting.commandsRefused += 1;
      return;
    }
    const replay = isReplay(message.payload);
    const reason = refusalOf(peer, message.retain, replay) ?? elsewhere;
    if (reason !== null) {
      this.#refuse(id, reason);
      return;
    }
    try {
      if (replay) {
        this.#replay(peer, id, decodeReplayRequest(message.payload));
        return;
      }
      const command = decodeCommand(message.payload);
      if (command.id !== id) throw new WireError("id differs from the topic's");
      const unfit = rightRefusal(peer, command);
      if (unfit === NO_ATTRIBUTE) this.#ports.counting.drop("priority", "no-attribute");
      if (unfit !== null) this.#refuse(id, unfit);
      else this.#judge(peer, command);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#refuse(id, error.message);
    }
  }

  /** Reads and changes nothing: nothing of it is remembered, and an unsure clock does no harm. */
  #replay(peer: Peer, id: string, request: ReplayRequest): void {
    const { onReplay, clock, wallMs, counting } = this.#ports;
    if (request.id !== id) throw new WireError("id differs from the topic's");
    const late = clock() === "sure" ? this.#timeFault(peer, request, wallMs()) : null;
    const reason = late ?? (onReplay === undefined ? "no log to read" : onReplay(peer, request));
    if (reason !== null) this.#refuse(id, reason);
    else {
      counting.commandsAccepted += 1;
      this.#send({ id, ok: true, reason: null, atMs: Math.round(wallMs()) });
    }
  }

  #judge(peer: Peer, command: CommandMessage): void {
    const now = this.#ports.wallMs();
    this.#forget(now);
    const author = `${peer.role}:${peer.session?.name ?? peer.name ?? CONSOLE_NAME}`;
    const key = `${author} ${command.id}`;
    const content = JSON.stringify([command.issuedMs, command.expiresMs, command.body]);
    const known = this.#ids.get(key);
    if (known !== undefined) {
      if (known.content !== content) this.#refuse(command.id, "id was used for another command");
      else this.#answerWith(command.id, known.reply);
      return;
    }
    const reason = this.#timeFault(peer, command, now) ?? this.#roomFault(author);
    if (reason !== null) {
      this.#refuse(command.id, reason);
      return;
    }
    this.#ports.counting.commandsAccepted += 1;
    const reply = this.#run({ ...command, author, via: peer.via }, key);
    // With an unsure clock `expires` may lie far off; the memory is bounded by our own clock.
    const forgetAtMs = Math.min(command.expiresMs, now + REMEMBER_MS) + REMEMBER_MS;
    this.#ids.set(key, { content, author, forgetAtMs, reply });
    this.#perAuthor.set(author, (this.#perAuthor.get(author) ?? 0) + 1);
    this.#answerWith(command.id, reply);
  }

  async #run(command: Command, key: string): Promise<Reply> {
    try {
      const reply = await this.#ports.onCommand(command);
      if (!reply.ok && command.body.kind === "priority") {
        const code = CODE.test(reply.reason ?? "") ? reply.reason : null;
        this.#ports.counting.drop("priority", code ?? "other");
      }
      return reply;
    } catch {
      // Nothing is known of it here: a repeat is for the durable memory to answer.
      this.#drop(key);
      return this.#failure(command.id, "interrupted");
    }
  }

  /** Why its times don't fit, or null. Without a sure clock only the node's own console acts. */
  #timeFault(
    peer: Peer,
    command: Pick<CommandMessage, "issuedMs" | "expiresMs">,
    now: number,
  ): string | null {
    if (this.#ports.clock() === "unsure") {
      return peer.via === "console" ? null : "the node's clock is unsure";
    }
    if (command.expiresMs <= now) return "expired";
    return command.issuedMs > now + AHEAD_MS ? "issued in the future: compare the clocks" : null;
  }

  #roomFault(author: string): string | null {
    const full = (this.#perAuthor.get(author) ?? 0) >= MAX_IDS_PER_AUTHOR;
    return full || this.#ids.size >= MAX_IDS ? "busy" : null;
  }

  #forget(now: number): void {
    for (const [key, { forgetAtMs }] of this.#ids) {
      if (forgetAtMs <= now) this.#drop(key);
    }
  }

  #drop(key: string): void {
    const known = this.#ids.get(key);
    if (known === undefined) return;
    this.#ids.delete(key);
    this.#perAuthor.set(known.author, (this.#perAuthor.get(known.author) ?? 1) - 1);
  }

  #failure(id: string, reason: string): Reply {
    return { id, ok: false, reason, atMs: Math.round(this.#ports.wallMs()) };
  }

  #refuse(id: string, reason: string): void {
    this.#ports.counting.commandsRefused += 1;
    this.#send(this.#failure(id, reason));
  }

  #answerWith(id: string, reply: Promise<Reply>): void {
    void reply.then((answer) => this.#send({ ...answer, id }));
  }

  #send(reply: Reply): void {
    const { topics, publish, hasListener } = this.#ports;
    publish("reply", { topic: topics.reply(reply.id), payload: encodeReply(reply), qos: 1 });
    const topic = topics.replyJson(reply.id);
    if (!hasListener(topic)) return;
    const payload = Buffer.from(JSON.stringify(replyToJson(reply)));
    publish("reply", { topic, payload, qos: 1 });
  }
}

function refusalOf({ role }: Peer, retain: boolean, replay: boolean): string | null {
  if (replay && (role === "vehicle" || role === "sensor")) {
    return "the past is no business of theirs";
  }
  if (!replay && role !== "operator" && role !== "vehicle") return ONLY_OPERATORS;
  return retain ? "a command is never retained" : null;
}

/**
 * A vehicle asks for priority and nothing else, and only with the attribute in its certificate. Who
 * is logged in over the network shows the token again for what moves the whole junction.
 */
function rightRefusal(peer: Peer, { body }: CommandMessage): string | null {
  const { role, priority, session } = peer;
  session?.touch();
  if (role === "operator") {
    const asksAgain = body.kind === "flash" || body.kind === "priority";
    return asksAgain && session?.isConfirmed() === false ? "show the token again" : null;
  }
  if (body.kind !== "priority") return ONLY_OPERATORS;
  return (priority ?? "none") === "none" ? NO_ATTRIBUTE : null;
}
