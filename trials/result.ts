// What a trial found: lines for a person while it runs, one JSON object at its end.

import type { GuestImage } from "./guest-image.ts";
import { output, say } from "./host.ts";
import { ROOT } from "./options.ts";
import { kvmWorks } from "./qemu.ts";

export type Figures = Readonly<Record<string, number | string | boolean>>;

/** Collects what a trial found, one finding after the other. */
export class Findings {
  #passed = 0;
  readonly #failed: string[] = [];
  /** Of the trial's beginning: a long one may outlive it. */
  readonly #commit = commit();
  readonly figures: Record<string, number | string | boolean> = {};

  /** One thing that must hold. */
  check(what: string, holds: boolean, details = ""): boolean {
    const words = details === "" ? what : `${what}: ${details}`;
    say(`${holds ? "ok  " : "FAIL"} ${words}`);
    if (holds) this.#passed += 1;
    else this.#failed.push(words);
    return holds;
  }

  /** A duration that must have an end; kept under `name`, s. */
  time(name: string, what: string, ms: number | null): void {
    this.check(what, ms !== null, ms === null ? "it did not" : `${(ms / 1000).toFixed(1)} s`);
    if (ms !== null) this.figures[name] = Math.round(ms / 100) / 10;
  }

  get ok(): boolean {
    return this.#failed.length === 0;
  }

  /** The last line of a trial. */
  line(trial: string, { arch, machine }: Pick<GuestImage, "arch" | "machine">): string {
    const { ok, figures } = this;
    return JSON.stringify({
      ok,
      trial,
      passed: this.#passed,
      failed: this.#failed.length,
      ...figures,
      arch,
      machine: machine === "qemu" && kvmWorks(arch) ? "qemu with kvm" : machine,
      commit: this.#commit,
      date: new Date().toISOString().slice(0, 10),
    });
  }
}

function commit(): string {
  try {
    return output("git", ["-C", ROOT, "rev-parse", "--short", "HEAD"]).trim();
  } catch {
    return "unknown";
  }
}
