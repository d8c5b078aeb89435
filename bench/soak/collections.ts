// All maps, sets and arrays that are alive in this thread, and how much is in them: also those that
// only a private field holds. The inspector finds them, after a garbage collection of its own.
import { Session } from "node:inspector";

export interface Collections {
  /** Entries of all of them together. */
  readonly entries: number;
  /** The largest, in words, such as `Map of 512 (Sighting)`; the largest first. */
  readonly largest: readonly string[];
}

const LARGEST = 8;

/** Runs inside, with all objects of one kind as `this`. */
const COUNT = `function () {
  // The prototype of a class that extends Map is found too, and is none.
  const sizeOf = (one) => {
    try { return one.size ?? one.length ?? 0; } catch { return 0; }
  };
  const nameOf = (one) => {
    const [first] = one instanceof Map ? one.values() : one;
    return first === null || first === undefined ? String(first) : first.constructor?.name;
  };
  let entries = 0;
  const largest = [];
  for (const one of this) {
    if (one === this) continue;
    const size = sizeOf(one);
    entries += size;
    if (size < 256) continue;
    largest.push([size, one.constructor?.name + " of " + size + " (" + nameOf(one) + ")"]);
  }
  largest.sort((a, b) => b[0] - a[0]);
  return { entries, largest: largest.slice(0, ${LARGEST}) };
}`;

interface Counted {
  readonly entries: number;
  readonly largest: readonly (readonly [number, string])[];
}

interface Remote {
  readonly objectId?: string;
}

/** The inspector of this very thread answers before `post` returns. */
function ask<T>(session: Session, method: string, params: object): T {
  let answer: T | undefined;
  let failure: Error | null = null;
  session.post(method, params, (error, result) => {
    failure = error;
    answer = result as T;
  });
  if (failure !== null) throw failure;
  if (answer === undefined) throw new Error(`the inspector did not answer ${method} at once`);
  return answer;
}

function countOf(session: Session, kind: string): Counted {
  const found = ask<{ result: Remote }>(session, "Runtime.evaluate", {
    expression: `${kind}.prototype`,
    objectGroup: "count",
  });
  const { objects } = ask<{ objects: Remote }>(session, "Runtime.queryObjects", {
    prototypeObjectId: found.result.objectId,
    objectGroup: "count",
  });
  const { result } = ask<{ result: { value: Counted } }>(session, "Runtime.callFunctionOn", {
    functionDeclaration: COUNT,
    objectId: objects.objectId,
    returnByValue: true,
  });
  ask(session, "Runtime.releaseObjectGroup", { objectGroup: "count" });
  return result.value;
}

export function countCollections(): Collections {
  const session = new Session();
  session.connect();
  try {
    const counted = ["Map", "Set", "Array"].map((kind) => countOf(session, kind));
    const largest = counted.flatMap((one) => one.largest).sort(([a], [b]) => b - a);
    return {
      entries: counted.reduce((sum, one) => sum + one.entries, 0),
      largest: largest.slice(0, LARGEST).map(([, text]) => text),
    };
  } finally {
    session.disconnect();
  }
}
