// A session for a person at the cabinet: asks, waits for the answer, asks again. It never sends a
// lamp frame. For `stopline cabinet` only; the running node uses the link.
import { RECORD_PART_MAX, type RecordResult } from "../wire/cabinet-codes.ts";
import { FrameReader } from "../wire/frame-reader.ts";
import type {
  CabinetFrame,
  HelloAnswerFrame,
  HostFrame,
  RecordResultFrame,
  StatusFrame,
} from "../wire/frame-types.ts";
import { decodeCabinetFrame, encodeHostFrame } from "../wire/frames.ts";
import type { CabinetPort } from "./port.ts";

/** An answer takes a few ms; a record that is being stored takes 1.5 s (chip's EEPROM). */
const ANSWER_MS = 400;
const STORED_MS = 5000;
const TRIES = 5;

const RESULTS: Readonly<Record<RecordResult, string>> = {
  ok: "a part was taken",
  stored: "the record is stored",
  "no-jumper": "the program jumper at the cabinet is not set",
  "in-control": "the cabinet is not in its failure display: stop the node first",
  order: "the parts arrived out of order; try again",
  checksum: "the record arrived damaged; try again",
  floor: "the cabinet refuses the record: a time is below its floor",
  busy: "the cabinet still stores the record before; try again in a few seconds",
};

/** What a record result means, for a person. */
export function resultWords(result: RecordResult): string {
  return RESULTS[result];
}

interface Waiting {
  readonly wants: (frame: CabinetFrame) => boolean;
  readonly done: (frame: CabinetFrame) => void;
}

export class ServiceSession {
  private readonly port: CabinetPort;
  private readonly reader = new FrameReader<CabinetFrame>(decodeCabinetFrame);
  private waiting: Waiting | null = null;
  private session = 0;
  private readonly nonce: number;

  /** `nonce` tells this session's answers from those to another program. */
  constructor(port: CabinetPort, nonce: number) {
    this.port = port;
    this.nonce = nonce >>> 0;
    port.onBytes = (bytes) => this.take(bytes);
  }

  /** Resolves when the port is open; rejects with its one line when it can't be. */
  async open(): Promise<void> {
    await new Promise<void>((done, failed) => {
      this.port.onOpen = done;
      this.port.onClose = (reason) => failed(new Error(reason));
    });
  }

  /** Opens the session; `checksum` is the site's: the cabinet says whether it matches. */
  async hello(checksum: number): Promise<HelloAnswerFrame> {
    const frame: HostFrame = { kind: "hello", nonce: this.nonce, recordChecksum: checksum };
    const answer = await this.ask<HelloAnswerFrame>(
      frame,
      (other) => other.kind === "hello-answer" && other.nonce === this.nonce,
    );
    this.session = answer.session;
    return answer;
  }

  /** The next status frame of this session. */
  async status(): Promise<StatusFrame> {
    return await this.wait<StatusFrame>(
      (frame) => frame.kind === "status" && frame.session === this.session,
      ANSWER_MS * TRIES,
    );
  }

  /** The whole record as the cabinet holds it. */
  async readRecord(length: number): Promise<Uint8Array> {
    const record = new Uint8Array(length);
    for (let offset = 0; offset < length; offset += RECORD_PART_MAX) {
      const part = Math.min(RECORD_PART_MAX, length - offset);
      const answer = await this.ask(
        { kind: "record-read", session: this.session, offset, length: part },
        (frame) => frame.kind === "record-part" && frame.offset === offset,
      );
      if (answer.kind === "record-part") record.set(answer.data, offset);
    }
    return record;
  }

  /** Writes and stores a record; the result in the cabinet's word, `stored` when all went well. */
  async writeRecord(record: Uint8Array, checksum: number): Promise<RecordResult> {
    const { session } = this;
    for (let offset = 0; offset < record.length; offset += RECORD_PART_MAX) {
      const data = record.slice(offset, offset + RECORD_PART_MAX);
      const answer = await this.askResult({ kind: "record-write", session, offset, data });
      if (answer.result !== "ok") return answer.result;
    }
    const { length } = record;
    this.send({ kind: "record-commit", session, length, checksum });
    const answer = await this.wait<RecordResultFrame>(
      (frame) => frame.kind === "record-result",
      STORED_MS,
    );
    return answer.result;
  }

  private async askResult(frame: HostFrame): Promise<RecordResultFrame> {
    return await this.ask<RecordResultFrame>(frame, (other) => other.kind === "record-result");
  }

  private send(frame: HostFrame): void {
    this.port.write(encodeHostFrame(frame));
  }

  private async ask<T extends CabinetFrame>(
    frame: HostFrame,
    wants: (frame: CabinetFrame) => boolean,
  ): Promise<T> {
    for (let left = TRIES; left > 1; left -= 1) {
      this.send(frame);
      try {
        return await this.wait<T>(wants, ANSWER_MS);
      } catch {
        // Asked again below: a lost frame is the ordinary case here.
      }
    }
    this.send(frame);
    return await this.wait<T>(wants, ANSWER_MS);
  }

  private async wait<T extends CabinetFrame>(
    wants: (frame: CabinetFrame) => boolean,
    withinMs: number,
  ): Promise<T> {
    return await new Promise<T>((done, failed) => {
      const timer = setTimeout(() => {
        this.waiting = null;
        failed(new Error("the cabinet does not answer: is it powered, wired and programmed?"));
      }, withinMs);
      this.waiting = {
        wants,
        done: (frame) => {
          clearTimeout(timer);
          this.waiting = null;
          done(frame as T);
        },
      };
    });
  }

  private take(bytes: Uint8Array): void {
    for (const frame of this.reader.push(bytes)) {
      if (this.waiting?.wants(frame)) this.waiting.done(frame);
    }
  }
}
