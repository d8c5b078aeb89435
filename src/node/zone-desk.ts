// Orders for the zone on their way to this junction: each goes the way of a command, durable first,
// done once, answered in the log in its author's name. The mesh thread tells of one again after a
// start; the log's memory of commands knows what became of it. What the disk can't take yet is
// tried again until it expires.
import type { TimerHandle, Timers } from "../log/timers.ts";
import type { Command, Reply } from "../wire/command.ts";

const RETRY_MS = 5_000;

export interface ZoneDeskPorts {
  readonly timers: Timers;
  /** The whole way of a command; null while nothing durable is known of it. */
  readonly carry: (command: Command) => Promise<Reply | null>;
  /** What became of one, unless it was done. */
  readonly refused: (command: Command, reason: string) => void;
}

export class ZoneDesk {
  readonly #ports: ZoneDeskPorts;
  /** Those of which nothing durable is known, by author and id. */
  readonly #waiting = new Map<string, Command>();
  #timer: TimerHandle | null = null;
  #busy = false;

  constructor(ports: ZoneDeskPorts) {
    this.#ports = ports;
  }

  take(commands: readonly Command[]): void {
    for (const command of commands) this.#waiting.set(`${command.author} ${command.id}`, command);
    void this.again();
  }

  /** The log may take what waits; one after the other, in the order in which they came. */
  async again(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (const [key, command] of this.#waiting) {
      const expired = command.expiresMs <= this.#ports.timers.wallMs();
      const reply = expired ? null : await this.#ports.carry(command);
      if (reply === null && !expired) continue;
      this.#waiting.delete(key);
      if (reply?.ok === false) this.#ports.refused(command, reply.reason ?? "no reason given");
    }
    this.#busy = false;
    if (this.#waiting.size > 0) this.#retry();
  }

  close(): void {
    this.#timer?.cancel();
    this.#waiting.clear();
  }

  #retry(): void {
    this.#timer ??= this.#ports.timers.after(RETRY_MS, () => {
      this.#timer = null;
      void this.again();
    });
  }
}
