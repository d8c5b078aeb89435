// What a node tells the service manager that started it: that it is ready, what it does, that its
// control loop lives, that it reads its site file anew or stops. Pure: events in, the lines of one
// datagram out. Everything follows from the beats of the control loop, so that a loop that hangs
// falls silent, and nothing else can make it.
import type { ControlView } from "../core/site/view.ts";
import { controlText } from "./health.ts";

/** What the control loop knows of its lamps. */
export interface Standing extends Pick<ControlView, "mode" | "cause"> {
  /** The cabinet has accepted a lamp frame. */
  readonly lit: boolean;
}

export type SupervisionEvent =
  /** After the lamps of each beat; null where there is no site to control. */
  | { readonly kind: "beat"; readonly standing: Standing | null }
  /** The site file is read anew. */
  | { readonly kind: "reloading" }
  /** It was taken, or refused by these problems. */
  | { readonly kind: "reloaded"; readonly problems: readonly string[] }
  /** The orderly stop begins. */
  | { readonly kind: "stopping"; readonly cause: string }
  /** The manager did not take what the newest step said. */
  | { readonly kind: "lost" };

export interface SupervisionOptions {
  /** Of a site file that can't be used; empty where there is a site. */
  readonly problems: readonly string[];
  /** The manager ends a node that was silent for so long; null where it does not watch. */
  readonly watchdogMs: number | null;
}

/**
 * A node whose cabinet has taken no lamp frame for so long is ready all the same: it knows that it
 * can light nothing, and a new start would change nothing. A session takes 50 ms; a cabinet that
 * was reset or is plugged in late, 2 s.
 */
export const DARK_MS = 3_000;
/** A flapping cabinet must not fill the manager's log. */
const STATUS_MS = 1_000;
/** Signs of life a watchdog's time: two of them may be lost. */
const SIGNS = 3;
const STATUS_CHARS_MAX = 400;

type Phase = "starting" | "ready" | "reloading" | "stopping";

const PHASE_LINES: Readonly<Record<Phase, string | null>> = {
  starting: null,
  ready: "READY=1",
  reloading: "RELOADING=1",
  stopping: "STOPPING=1",
};

interface Told {
  readonly phase: Phase;
  readonly status: string;
  readonly statusMs: number;
  readonly signMs: number;
}

const NOTHING_TOLD: Told = {
  ...{ phase: "starting", status: "" },
  ...{ statusMs: Number.NEGATIVE_INFINITY, signMs: Number.NEGATIVE_INFINITY },
};

export class Supervision {
  /** Null where nobody watches. */
  readonly #signEveryMs: number | null;
  readonly #noSite: string;
  #phase: Phase = "starting";
  #firstBeatMs: number | null = null;
  #status: string;
  #stopCause: string | null = null;
  #refusal = "";
  #told = NOTHING_TOLD;
  #toldBefore = NOTHING_TOLD;

  constructor({ problems, watchdogMs }: SupervisionOptions) {
    this.#signEveryMs = watchdogMs === null ? null : watchdogMs / SIGNS;
    this.#noSite = `No lamps, console only: ${firstOf(problems)}`;
    this.#status = "Start-up.";
  }

  /** The datagram that is due, or null. `nowMs` is monotonic. */
  step(event: SupervisionEvent, nowMs: number): string | null {
    switch (event.kind) {
      case "beat":
        this.#beat(event.standing, nowMs);
        break;
      case "reloading":
        if (this.#phase === "ready") this.#phase = "reloading";
        break;
      case "reloaded":
        if (this.#phase === "reloading") this.#phase = "ready";
        this.#refused(event.problems);
        break;
      case "stopping":
        this.#phase = "stopping";
        this.#stopCause = event.cause;
        break;
      case "lost":
        this.#told = this.#toldBefore;
        return null;
    }
    return this.#due(nowMs);
  }

  #beat(standing: Standing | null, nowMs: number): void {
    this.#firstBeatMs ??= nowMs;
    this.#status = standing === null ? this.#noSite : controlText(standing);
    if (this.#phase !== "starting") return;
    const dark = standing === null || nowMs - this.#firstBeatMs >= DARK_MS;
    if (dark || standing.lit) this.#phase = "ready";
  }

  #refused(problems: readonly string[]): void {
    this.#refusal =
      problems.length === 0 ? "" : `The new site file was not taken: ${firstOf(problems)} `;
  }

  #statusText(): string {
    const stopping = this.#stopCause === null ? "" : `Stopping in order (${this.#stopCause}). `;
    const text = `${stopping}${this.#refusal}${this.#status}`;
    // One line of the datagram, whatever a problem quotes out of a file.
    return text.replace(/\p{Cc}+/gu, " ").slice(0, STATUS_CHARS_MAX);
  }

  #due(nowMs: number): string | null {
    const [phase, status, told] = [this.#phase, this.#statusText(), this.#told];
    const lines: string[] = [];
    let { statusMs, signMs } = told;
    const line = phase === told.phase ? null : PHASE_LINES[phase];
    if (line !== null) lines.push(line);
    const changed = status !== told.status && (line !== null || nowMs - statusMs >= STATUS_MS);
    if (changed) {
      lines.push(`STATUS=${status}`);
      statusMs = nowMs;
    }
    const everyMs = this.#signEveryMs;
    if (everyMs !== null && phase !== "starting" && nowMs - signMs >= everyMs) {
      lines.push("WATCHDOG=1");
      signMs = nowMs;
    }
    if (lines.length === 0) return null;
    this.#toldBefore = told;
    this.#told = { phase, status: changed ? status : told.status, statusMs, signMs };
    return lines.join("\n");
  }
}

/** The first of some problems, as a sentence that says how many more there are. */
function firstOf(problems: readonly string[]): string {
  const [first = "no site", ...others] = problems;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return `${first}${more}.`.replace(/\.\.$/, ".");
}
