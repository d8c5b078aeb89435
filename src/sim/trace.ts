// What a run did, as one hash and as a few lines for people. The hash covers every effect, message
// and sector: two runs of one seed agree to the last byte or something in them looked at the
// machine. Values are gathered in a buffer, so that the hash is fed some kilobytes at a time.
import { createHash } from "node:crypto";
import { hashText } from "./random.ts";

const BUFFER_BYTES = 65_536;
/** Nothing but bytes is longer than this at a time. */
const ROOM = 32;
const MAX_TEXTS = 65_536;
const MAX_LINES = 4_000;

/** Marks the kind of a value, so that no two sequences of values read alike. */
const MARK = {
  null: 0,
  false: 1,
  true: 2,
  number: 3,
  text: 4,
  bytes: 5,
  list: 6,
  object: 7,
} as const;

export interface TimelineLine {
  readonly atMs: number;
  readonly who: string;
  readonly text: string;
}

export class Trace {
  readonly #hash = createHash("sha256");
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  readonly #view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, BUFFER_BYTES);
  readonly #texts = new Map<string, number>();
  readonly #lines: TimelineLine[] = [];
  #at = 0;

  /** Any plain value: numbers, texts, bytes, lists and objects of them, these by their values. */
  value(value: unknown): void {
    switch (typeof value) {
      case "number":
        this.number(value);
        break;
      case "string":
        this.text(value);
        break;
      case "boolean":
        this.#mark(value ? MARK.true : MARK.false);
        break;
      case "bigint":
        this.text(value.toString());
        break;
      default:
        this.#object(value);
    }
  }

  number(value: number): void {
    this.#room();
    this.#buffer[this.#at] = MARK.number;
    this.#view.setFloat64(this.#at + 1, value);
    this.#at += 9;
  }

  text(text: string): void {
    let hash = this.#texts.get(text);
    if (hash === undefined) {
      if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
      hash = hashText(text);
      this.#texts.set(text, hash);
    }
    this.#room();
    this.#buffer[this.#at] = MARK.text;
    this.#view.setUint32(this.#at + 1, hash);
    this.#view.setUint32(this.#at + 5, text.length);
    this.#at += 9;
  }

  bytes(bytes: Uint8Array): void {
    this.#room();
    this.#buffer[this.#at] = MARK.bytes;
    this.#view.setUint32(this.#at + 1, bytes.length);
    this.#at += 5;
    if (bytes.length > BUFFER_BYTES / 2) {
      this.#flush();
      this.#hash.update(bytes);
      return;
    }
    if (this.#at + bytes.length > BUFFER_BYTES) this.#flush();
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A line of the timeline; part of the hash as well. */
  line(atMs: number, who: string, text: string): void {
    this.number(atMs);
    this.text(who);
    this.text(text);
    this.#lines.push({ atMs, who, text });
    if (this.#lines.length >= 2 * MAX_LINES) this.#lines.splice(0, MAX_LINES);
  }

  /** The newest lines. */
  get lines(): readonly TimelineLine[] {
    return this.#lines;
  }

  /** Ends the trace: 64 lower-case hex digits. */
  digest(): string {
    this.#flush();
    return this.#hash.digest("hex");
  }

  #object(value: unknown): void {
    if (value === null || value === undefined || typeof value !== "object") {
      this.#mark(MARK.null);
    } else if (value instanceof Uint8Array) {
      this.bytes(value);
    } else if (Array.isArray(value)) {
      this.#mark(MARK.list);
      this.number(value.length);
      for (const item of value) this.value(item);
    } else if (value instanceof Map) {
      this.value([...value]);
    } else {
      this.#mark(MARK.object);
      const fields = value as Record<string, unknown>;
      for (const field of Object.values(fields)) this.value(field);
      this.#mark(MARK.null);
    }
  }

  #mark(mark: number): void {
    this.#room();
    this.#buffer[this.#at] = mark;
    this.#at += 1;
  }

  #room(): void {
    if (this.#at + ROOM > BUFFER_BYTES) this.#flush();
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#at));
    this.#at = 0;
  }
}

/** A timeline for people: seconds, who, what. */
export function timelineOf(lines: readonly TimelineLine[]): string[] {
  return lines.map(
    ({ atMs, who, text }) =>
      `${(atMs / 1000).toFixed(3).padStart(10)} s  ${who.padEnd(14)} ${text}`,
  );
}
