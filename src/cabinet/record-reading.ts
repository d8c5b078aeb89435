// Reads the cabinet's record part by part, so that the node can say in which lines it differs from
// the site file's. One request at a time; an unanswered one is repeated.
import { RECORD_PART_MAX } from "../wire/cabinet-codes.ts";
import type { HelloAnswerFrame } from "../wire/frame-types.ts";

/** Longer than a round trip; the record is read in a second or two and nobody waits for it. */
const RETRY_MS = 300;

export class RecordReading {
  private readonly ours: Uint8Array;
  private readonly describe: (ours: Uint8Array, theirs: Uint8Array) => string[];
  private theirs: Uint8Array | null = null;
  private offset = 0;
  private askedMs = Number.NEGATIVE_INFINITY;
  /** The first difference, and how many there are; null until the record has been read. */
  summary: string | null = null;

  constructor(ours: Uint8Array, describe: (ours: Uint8Array, theirs: Uint8Array) => string[]) {
    this.ours = ours;
    this.describe = describe;
  }

  /** Compares checksums when a session opens; what is wrong in one line, or null. */
  compare(hello: HelloAnswerFrame, checksum: number): string | null {
    this.theirs = null;
    this.summary = null;
    if (!hello.flags.recordValid) {
      return "the cabinet holds no record; stopline cabinet program writes it";
    }
    if (hello.recordChecksum === checksum) return null;
    this.theirs = new Uint8Array(hello.recordLength);
    this.offset = 0;
    this.askedMs = Number.NEGATIVE_INFINITY;
    return "the cabinet holds another record; stopline cabinet program writes it";
  }

  /** The next part to ask for at `nowMs`, or null. */
  due(nowMs: number): { offset: number; length: number } | null {
    if (this.theirs === null || nowMs - this.askedMs < RETRY_MS) return null;
    this.askedMs = nowMs;
    const length = Math.min(RECORD_PART_MAX, this.theirs.length - this.offset);
    return { offset: this.offset, length };
  }

  /** Takes one part; the differences in words once the last is there, else nothing. */
  take(offset: number, data: Uint8Array): string[] {
    const { theirs } = this;
    if (theirs === null || offset !== this.offset) return [];
    if (data.length === 0 || offset + data.length > theirs.length) return [];
    theirs.set(data, offset);
    this.offset += data.length;
    this.askedMs = Number.NEGATIVE_INFINITY;
    if (this.offset < theirs.length) return [];
    this.theirs = null;
    const lines = this.describe(this.ours, theirs);
    const more = lines.length > 1 ? ` (and ${lines.length - 1} more)` : "";
    this.summary = lines[0] === undefined ? null : `${lines[0]}${more}`;
    return lines;
  }
}
