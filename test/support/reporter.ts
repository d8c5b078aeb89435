// The reporter of the test run: one line for a file that passes, the whole TAP of one that fails,
// and a closing `N passed, N failed` taken from tap's own totals.
import { Transform, type TransformCallback } from "node:stream";

interface Totals {
  readonly total: number;
  readonly pass: number;
  readonly fail: number;
  readonly skip: number;
}

/** Reads the numbers of tap's closing `# { total: 9, pass: 9 }` comment; missing ones are 0. */
export function parseTotals(line: string): Totals | null {
  if (!/^# \{ total: \d+/.test(line)) return null;
  const number = (name: string): number =>
    Number(new RegExp(`${name}: (\\d+)`).exec(line)?.[1] ?? 0);
  return {
    total: number("total"),
    pass: number("pass"),
    fail: number("fail"),
    skip: number("skip") + number("todo"),
  };
}

function closingLine(totals: Totals): string {
  const skipped = totals.skip > 0 ? `, ${totals.skip} skipped` : "";
  return `${totals.pass} passed, ${totals.fail} failed${skipped}\n`;
}

export default class Reporter extends Transform {
  #rest = "";
  #block: string[] = [];
  #totals: Totals | null = null;
  #broken = false;

  override _transform(chunk: Buffer | string, _encoding: string, done: TransformCallback): void {
    const lines = (this.#rest + chunk.toString()).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
    done();
  }

  override _flush(done: TransformCallback): void {
    if (this.#rest !== "") this.#line(this.#rest);
    const totals = this.#totals ?? { total: 0, pass: 0, fail: 1, skip: 0 };
    const fail = this.#broken ? Math.max(1, totals.fail) : totals.fail;
    this.push(closingLine({ ...totals, fail }));
    done();
  }

  #line(line: string): void {
    const result = /^(not )?ok \d+ - (.*)$/.exec(line);
    if (result === null) {
      if (line.startsWith("Bail out!")) this.#broken = true;
      this.#totals = parseTotals(line) ?? this.#totals;
      this.#block.push(line);
      return;
    }
    if (result[1] === undefined) {
      this.push(`ok      ${(result[2] ?? "").replace(/ \{$/, "")}\n`);
    } else {
      this.#broken = true;
      this.push(`${this.#block.join("\n")}\n${line}\n`);
    }
    this.#block = [];
  }
}
