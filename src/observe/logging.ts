// Words for people and for journald, written by the threads other than control. A worker's
// `process.stderr` goes through the main thread, so lines are written to descriptor 2 directly;
// one that can't be written at once is left out and counted, never waited for.
// The one file that imports pino.
import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import pino from "pino";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Syslog priorities (RFC 5424) by level. */
const PRIORITY: Readonly<Record<string, number>> = { debug: 7, info: 6, warn: 4, error: 3 };

export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

export interface Logger {
  readonly debug: (text: string, fields?: LogFields) => void;
  readonly info: (text: string, fields?: LogFields) => void;
  readonly warn: (text: string, fields?: LogFields) => void;
  readonly error: (text: string, fields?: LogFields) => void;
  /** Lines that the terminal or journal did not take. */
  readonly lost: () => number;
}

/** `terminal`: for a person. `journal`: JSON behind a syslog priority. `json`: JSON lines. */
export type LogStyle = "terminal" | "journal" | "json";

export interface LoggerOptions {
  /** Name of the thread or command. */
  readonly thread: string;
  readonly level?: LogLevel;
  readonly style?: LogStyle;
  /** Takes one line with its end; throws as `fs.writeSync` does. */
  readonly write?: (line: string) => void;
}

/** The level that `STOPLINE_LOG` asks for by its value; anything else is `info`. */
export function levelFrom(asked: string | undefined): LogLevel {
  return LOG_LEVELS.find((level) => level === asked) ?? "info";
}

/** How descriptor 2 is read: systemd names its journal's socket in `JOURNAL_STREAM`. */
export function styleFrom(journalStream: string | undefined): LogStyle {
  if (journalStream !== undefined) return "journal";
  return isatty(2) ? "terminal" : "json";
}

interface Line {
  readonly level: string;
  readonly priority: number;
  readonly time: string;
  readonly thread: string;
  readonly msg: string;
}

/** `12:00:00.000 warn  service: text  key=value`, control characters made visible. */
function forPerson(json: string): string {
  const { level, priority: _, time, thread, msg, ...rest } = JSON.parse(json) as Line & LogFields;
  const fields = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const text = [`${time.slice(11, 23)} ${level.padEnd(5)} ${thread}: ${msg}`, ...fields].join("  ");
  return `${text.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1))}\n`;
}

function styled(json: string, style: LogStyle): string {
  if (style === "json") return json;
  if (style === "terminal") return forPerson(json);
  const { priority } = JSON.parse(json) as Line;
  return `<${priority}>${json}`;
}

/** A logger for one thread. It never throws and never waits. */
export function createLogger(options: LoggerOptions): Logger {
  const style = options.style ?? styleFrom(process.env.JOURNAL_STREAM);
  const write = options.write ?? ((line: string) => void writeSync(2, line));
  let lost = 0;
  const stream = {
    write(json: string): void {
      try {
        write(styled(json, style));
      } catch {
        lost += 1;
      }
    },
  };
  const logger = pino(
    {
      level: options.level ?? levelFrom(process.env.STOPLINE_LOG),
      base: { thread: options.thread },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (level) => ({ level, priority: PRIORITY[level] ?? 6 }) },
    },
    stream,
  );
  return {
    debug: (text, fields = {}) => logger.debug(fields, text),
    info: (text, fields = {}) => logger.info(fields, text),
    warn: (text, fields = {}) => logger.warn(fields, text),
    error: (text, fields = {}) => logger.error(fields, text),
    lost: () => lost,
  };
}
