// Whether a neighbour is believed. Its announcements are used while they come, while both sides
// agree about software and site file, and while its forecasts are like what the detectors here see.
// Each cause goes by itself when it is over.

/** Without an announcement for so long its next vehicles are not known: the mean is expected. */
export const FRESH_MS = 5000;
/** Without one for so long it is silent (DESIGN: no neighbour for 120 s). */
export const SILENT_MS = 120_000;
/**
 * Forecasts that are off by more keep missing, until they are off by less again. Good ones are off
 * by 0.3 to 0.5 over five minutes, as single vehicles come a little earlier or later; 1 is a
 * forecast that has nothing to do with those who come.
 */
export const MISSING_ABOVE = 0.65;
export const MISSING_BELOW = 0.55;

export class Standing {
  private heardMs = Number.NEGATIVE_INFINITY;
  private agrees = true;
  private differs: string | null = null;
  private isMissing = false;

  heard(nowMs: number): void {
    this.heardMs = nowMs;
  }

  link(agrees: boolean, why: string | null): void {
    this.agrees = agrees;
    this.differs = why;
  }

  /** Once a second, with the newest error of its forecast. */
  judge(error: number | null): void {
    if (error === null) this.isMissing = false;
    else if (error > MISSING_ABOVE) this.isMissing = true;
    else if (error < MISSING_BELOW) this.isMissing = false;
  }

  /** Why it is not used, in plain words, or null. */
  why(nowMs: number): string | null {
    if (!this.agrees) return this.differs ?? "it has another site file or version";
    if (this.heardMs === Number.NEGATIVE_INFINITY) return "not heard yet";
    if (nowMs - this.heardMs >= SILENT_MS) return `silent for ${SILENT_MS / 1000} s`;
    return this.isMissing ? "its forecasts keep missing" : null;
  }

  /** True when its forecasts of the coming vehicles are worth something now. */
  isFresh(nowMs: number): boolean {
    return this.why(nowMs) === null && nowMs - this.heardMs < FRESH_MS;
  }
}
