// Which committed rows are worth a line on a terminal or in the journal, and in which words.
import type { LogRow } from "../log/events.ts";
import type { LogLevel } from "../observe/logging.ts";

export interface Narrated {
  readonly level: LogLevel;
  readonly text: string;
}

function text(value: unknown): string {
  return value === null || value === undefined ? "" : String(value);
}

/** A line for a row, or null for one that only the log needs. */
export function narrate(row: Pick<LogRow, "kind" | "body">): Narrated | null {
  const [first, second, third, fourth] = row.body;
  switch (row.kind) {
    case "mode": {
      const cause = second === null ? "" : `: ${text(second)}`;
      return { level: first === "controlled" ? "info" : "warn", text: `${text(first)}${cause}` };
    }
    case "trip":
      return { level: "error", text: `trip: ${text(first)}` };
    case "interlock":
      return { level: "warn", text: `interlock ${text(first)}: ${text(second)} ${text(fourth)}` };
    case "alarm": {
      const words = third === true ? "" : " is over";
      return { level: "warn", text: `alarm: ${text(first)} ${text(second)}${words}` };
    }
    case "cabinet":
      return { level: "info", text: `cabinet ${text(first)}: ${text(second)}` };
    case "fault":
      return { level: "warn", text: `${text(first)}: ${text(third)}` };
    case "gap":
      return { level: "error", text: `${text(second)} ${text(first)} events lost: ${text(third)}` };
    case "clock":
      return { level: "warn", text: `the wall clock stepped by ${text(first)} ms` };
    case "command":
      return { level: "info", text: `command ${text(first)} of ${text(second)}` };
    default:
      return null;
  }
}
