// What a try of an image found: a line a check, one JSON object at the end.
import { say } from "../../trials/host.ts";

export class Result {
  readonly #failed: string[] = [];
  readonly #from = performance.now();
  readonly #figures: Record<string, number> = {};
  #checks = 0;

  /** Counts a check; `found` is shown when it does not hold. */
  check(what: string, holds: boolean, found = ""): void {
    this.#checks += 1;
    if (!holds) this.#failed.push(what);
    const tail = holds || found === "" ? "" : `: ${found.trim().slice(0, 1_000)}`;
    say(`${holds ? "ok  " : "FAIL"} ${this.seconds().toFixed(0).padStart(4)} s  ${what}${tail}`);
  }

  /** The same, with what was expected. */
  same(what: string, found: string, expected: string): void {
    this.check(
      what,
      found === expected,
      `${JSON.stringify(found)}, not ${JSON.stringify(expected)}`,
    );
  }

  like(what: string, found: string, expected: RegExp): void {
    this.check(what, expected.test(found), found);
  }

  figure(name: string, value: number): void {
    this.#figures[name] = Math.round(value * 10) / 10;
  }

  seconds(): number {
    return (performance.now() - this.#from) / 1000;
  }

  /** The last line on stdout; the exit code. */
  end(about: Readonly<Record<string, string>>): number {
    const ok = this.#failed.length === 0;
    const line = { ok, ...about, checks: this.#checks, failed: this.#failed, ...this.#figures };
    const seconds = Math.round(this.seconds());
    process.stdout.write(`${JSON.stringify({ ...line, seconds })}\n`);
    return ok ? 0 : 1;
  }
}
