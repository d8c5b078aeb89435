// The process of the cabinets, as the one that makes chaos has it.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Violation } from "../invariants/invariant.ts";
import {
  type CabinetLook,
  type CabinetPlan,
  type FromCabinets,
  STARVED_FOR_MS,
  type ToCabinets,
} from "./cabinet-messages.ts";

/** A latch of a cabinet follows what was done to it within this. */
const LATCH_CAUSE_MS = 90_000;

const ENTRY = fileURLToPath(new URL("./cabinet-process.ts", import.meta.url));

export class Cabinets {
  readonly #child: ChildProcess;
  readonly #opened = Promise.withResolvers<void>();
  readonly #brokenMs = new Map<string, number>();
  #closing = false;
  looks: readonly CabinetLook[] = [];
  exercised: readonly (readonly [string, number])[] = [];
  violations: readonly Violation[] = [];
  /** Cabinets, and the nodes' control threads, go before whatever floods them. */
  goesFirst = false;
  /** Why there are no cabinets any more, or null. */
  trouble: string | null = null;

  constructor(plans: readonly CabinetPlan[], personMs: number) {
    // A window's size or Ctrl-C is not its business: whoever makes chaos ends it.
    this.#child = fork(ENTRY, { serialization: "advanced", detached: true });
    this.#child.on("message", (message) => this.#take(message as FromCabinets));
    this.#child.once("exit", (code, signal) => {
      if (!this.#closing) this.trouble = `the cabinets ended by ${signal ?? code}`;
      this.#opened.reject(new Error("the cabinets have ended"));
    });
    this.#opened.promise.catch(() => undefined);
    this.tell({ kind: "open", plans, personMs });
  }

  /** All devices are there. */
  async opened(): Promise<void> {
    await this.#opened.promise;
  }

  tell(message: ToCabinets): void {
    if (message.kind === "relay") this.#brokenMs.set(message.id, performance.now());
    if (this.#child.connected) this.#child.send(message);
  }

  /** A part of it is broken or was so lately, or it ran late, so that a latch may come from it. */
  wasBroken(id: string): boolean {
    if ((this.look(id)?.starvedAgoMs ?? 0) < STARVED_FOR_MS) return true;
    const brokenMs = this.#brokenMs.get(id);
    return brokenMs !== undefined && performance.now() - brokenMs < LATCH_CAUSE_MS;
  }

  look(id: string): CabinetLook | null {
    return this.looks.find((one) => one.id === id) ?? null;
  }

  async close(): Promise<void> {
    this.#closing = true;
    if (!this.#child.connected) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.tell({ kind: "close" });
    await gone;
  }

  #take(message: FromCabinets): void {
    if (message.kind === "opened") {
      this.goesFirst = message.first;
      this.#opened.resolve();
      return;
    }
    const { looks, exercised, violations } = message;
    this.looks = looks;
    this.exercised = exercised;
    this.violations = violations;
  }
}
