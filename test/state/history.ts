// All dots that were ever made, each with what it meant: kept whole, never joined to anything.
import type { Hlc } from "../../src/core/state/hlc.ts";
import type { FieldName } from "../../src/core/state/schema.ts";
import type { Key, Plain } from "../../src/core/state/value.ts";

export interface Dot {
  readonly origin: string;
  readonly incarnation: number;
  readonly counter: number;
}

export type Meaning =
  | { readonly kind: "set"; readonly field: FieldName; readonly key: Key; readonly value: Plain }
  | {
      readonly kind: "shared";
      readonly field: FieldName;
      readonly key: Key;
      readonly value: Plain;
      readonly hlc: Hlc;
    }
  | {
      readonly kind: "said";
      readonly field: FieldName;
      readonly key: Key;
      readonly said: readonly Plain[];
    }
  | {
      readonly kind: "add";
      readonly field: FieldName;
      readonly key: Key;
      readonly value: Plain;
      readonly leaseMs: number;
    }
  | {
      readonly kind: "remove";
      readonly field: FieldName;
      readonly key: Key;
      readonly dots: readonly Dot[];
    };

/** What one dot did. */
export interface Event extends Dot {
  readonly meanings: readonly Meaning[];
}

function id({ origin, incarnation, counter }: Dot): string {
  return `${origin} ${incarnation} ${counter}`;
}

/** All that ever happened, known to nobody in the system. */
export class History {
  readonly #events = new Map<string, Event>();

  add(event: Event): void {
    if (this.#events.has(id(event))) throw new Error(`dot ${id(event)} was made twice`);
    this.#events.set(id(event), event);
  }

  get(dot: Dot): Event {
    const event = this.#events.get(id(dot));
    if (event === undefined) throw new Error(`nobody made dot ${id(dot)}`);
    return event;
  }
}
