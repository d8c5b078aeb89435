// Which committed rows are worth a line on a terminal or in the journal, and in which words.
// Pure.
import type { LogRow } from "../log/events.ts";
import type { LogLevel } from "../observe/logging.ts";
import { MODE_WORDS } from "./health.ts";

export interface Narrated {
  readonly level: LogLevel;
  readonly text: string;
}

function text(value: unknown): string {
  return value === null || value === undefined ? "" : String(value);
}

/** Modes that every start and every asked-for stop goes through. */
const ORDINARY: ReadonlySet<string> = new Set(["controlled", "starting", "orderly-stop"]);

function modeLine(mode: string, cause: string): Narrated {
  const words = new Map<string, string>(Object.entries(MODE_WORDS)).get(mode);
  const said = words ?? "The controller runs the lamps";
  const level = ORDINARY.has(mode) ? "info" : "warn";
  return { level, text: cause === "" ? said : `${said}: ${cause}` };
}

function orderLine([what, subject, active, author, until, reason]: LogRow["body"]): Narrated {
  const name = subject === null ? text(what) : `${text(what)} ${text(subject)}`;
  if (active !== true) return { level: "info", text: `${name} is over: ${text(reason)}` };
  const end = typeof until === "number" ? ` until ${new Date(until).toISOString()}` : "";
  return { level: "info", text: `${name} by order of ${text(author)}${end}` };
}

/** A line for a row, or null for one that only the log needs. */
export function narrate(row: Pick<LogRow, "kind" | "body">): Narrated | null {
  const [first, second, third, fourth] = row.body;
  switch (row.kind) {
    case "mode":
      return modeLine(text(first), text(second));
    case "trip":
      return { level: "error", text: `trip: ${text(first)}` };
    case "interlock":
      return { level: "warn", text: `interlock ${text(first)}: ${text(second)} ${text(fourth)}` };
    case "alarm": {
      const words = third === true ? "" : " is over";
      return { level: "warn", text: `alarm: ${text(first)} ${text(second)}${words}` };
    }
    case "cabinet":
      // The change of mode that these bring has a line of its own, with the same cause.
      if (first === "closed" || first === "stop") return null;
      return { level: "info", text: `cabinet ${text(first)}: ${text(second)}` };
    case "fault":
      return { level: "warn", text: `${text(first)}: ${text(third)}` };
    case "gap":
      return { level: "error", text: `${text(second)} ${text(first)} events lost: ${text(third)}` };
    case "coordination": {
      const why = second === null ? "" : `: ${text(second)}`;
      return { level: "info", text: `coordination with the neighbours is ${text(first)}${why}` };
    }
    case "clock":
      return { level: "warn", text: `the wall clock stepped by ${text(first)} ms` };
    case "command":
      return { level: "info", text: `command ${text(first)} of ${text(second)}` };
    case "order":
      return orderLine(row.body);
    case "revocation":
      return { level: "warn", text: `certificate ${text(first)} is revoked (${text(third)})` };
    case "zone-order": {
      const [, id, author, , , , source] = row.body;
      const from = source === "operator" ? "given here" : `by way of ${text(source)}`;
      return { level: "info", text: `zone order ${text(id)} of ${text(author)}, ${from}` };
    }
    default:
      return null;
  }
}

/** Kinds that a service thread which starts has to catch up with. */
export const CAUGHT_UP_KINDS = ["mode", "cabinet", "trip", "fault", "alarm", "interlock"] as const;

/** Rows held back at most; a log that does not answer must not fill the heap. */
const MAX_HELD = 1_000;

/** Says each row once and in order: those of before this thread listened, and those it hears of. */
export class Narrator {
  private readonly say: (line: Narrated) => void;
  private said = 0;
  /** Rows that wait for the earlier ones; null when none is awaited any more. */
  private held: LogRow[] | null = [];

  constructor(say: (line: Narrated) => void) {
    this.say = say;
  }

  /** True until the earlier rows have come: what is taken meanwhile waits. */
  get behind(): boolean {
    return this.held !== null;
  }

  caughtUp(earlier: readonly LogRow[]): void {
    const rows = [...earlier, ...(this.held ?? [])].sort((a, b) => a.seq - b.seq);
    this.held = null;
    this.take(rows);
  }

  take(rows: readonly LogRow[]): void {
    if (this.held !== null) {
      this.held.push(...rows);
      this.held.splice(0, this.held.length - MAX_HELD);
      return;
    }
    for (const row of rows) {
      if (row.seq <= this.said) continue;
      this.said = row.seq;
      const line = narrate(row);
      if (line !== null) this.say(line);
    }
  }
}
