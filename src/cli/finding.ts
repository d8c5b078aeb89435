// One thing that `stopline doctor` looked at.

export interface Finding {
  readonly state: "ok" | "warn" | "fail";
  readonly what: string;
  /** What was found and, where it is wrong, the way out. */
  readonly says: string;
}

const MARK: Readonly<Record<Finding["state"], string>> = { ok: "ok  ", warn: "warn", fail: "FAIL" };

/** One line for a person. */
export function findingLine({ state, what, says }: Finding): string {
  return `${MARK[state]}  ${what.padEnd(8)} ${says}`;
}

/** Words of an error. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
