// Somebody who gives commands to a node over MQTT, and asks again when in doubt.
import { encodeCommand } from "../wire/command.ts";
import type { CommandBody } from "../wire/command-body.ts";
import { START_WALL_MS } from "./clock.ts";
import type { SimNode } from "./node.ts";
import type { Random } from "./random.ts";
import type { VirtualTime } from "./time.ts";

/** Between commands, ms on average. */
const PAUSE_MS = 40_000;
const LIFE_MS = 55_000;
const MAX_REPEATS = 4;
/** A flash is taken back after this or a little more. */
const FLASH_MS = 25_000;

export class Operator {
  readonly #node: SimNode;
  readonly #time: VirtualTime;
  readonly #random: Random;
  /** Publications, repeats among them. */
  sent = 0;
  /** Asks for no flash any more. */
  isCalm = false;

  constructor(node: SimNode, time: VirtualTime, random: Random) {
    this.#node = node;
    this.#time = time;
    this.#random = random;
    this.#later();
    this.#look();
  }

  /**
   * A flash that was asked for stands until somebody takes it back: at the node's own console,
   * where its clock is unsure and a command of the network is refused.
   */
  #look(): void {
    this.#time.after(FLASH_MS, () => {
      const { cause, clock } = this.#node.service?.view ?? {};
      const via = clock === "unsure" ? "console" : "mqtt";
      if (cause?.startsWith("flash was asked for")) this.#give({ kind: "return" }, via);
      this.#look();
    });
  }

  #later(): void {
    this.#time.after(this.#random.exponential(PAUSE_MS), () => {
      this.#command();
      this.#later();
    });
  }

  #command(): void {
    const random = this.#random;
    if (random.chance(0.04) && !this.isCalm) {
      this.#give({ kind: "flash" });
      return;
    }
    const { phase } = random.pick(this.#node.site.phases);
    this.#give({ kind: "call", phase, pedestrian: random.chance(0.1) });
  }

  #give(body: CommandBody, via: "console" | "mqtt" = "mqtt"): void {
    const id = Buffer.from(this.#random.bytes(16)).toString("hex");
    const issuedMs = Math.round(START_WALL_MS + this.#time.nowMs);
    const bytes = encodeCommand({ id, issuedMs, expiresMs: issuedMs + LIFE_MS, body });
    const publish = (): void => {
      const { service, process } = this.#node;
      if (service === null || process === null) return;
      this.sent += 1;
      process.thread("service")?.deliver(() => service.publish(id, Buffer.from(bytes), via));
    };
    publish();
    for (let left = this.#random.below(MAX_REPEATS); left > 0; left -= 1) {
      this.#time.after(this.#random.between(5, LIFE_MS), publish);
    }
  }
}
