// The steps from PUBLISH to PUBACK to delivery at which a process is killed.

export const STEPS = [
  "published",
  "before-batch",
  "before-commit",
  "after-commit",
  "after-answer",
  "before-puback",
  "after-puback",
  "before-delivery",
  "after-delivery",
  "acknowledged",
  "before-unqueue",
  "after-unqueue",
] as const;

export type Step = (typeof STEPS)[number] | "never";

/** How a message begins at whose steps the process dies. */
export const MARK = "kill";

export function isMarked(value: unknown): boolean {
  return value instanceof Uint8Array && Buffer.from(value).includes(MARK);
}

/** `kill -9` of this process, now. */
export function die(): void {
  process.kill(process.pid, "SIGKILL");
}
