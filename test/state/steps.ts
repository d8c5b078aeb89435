// What may happen to a few replicas of one stream, as fast-check draws it.
import fc from "fast-check";
import type { Change } from "../../src/core/state/part.ts";
import type { Field, FieldName } from "../../src/core/state/schema.ts";
import type { Key, Plain } from "../../src/core/state/value.ts";

export const IDS = ["ash", "elm", "oak", "yew"];

const LEASE_MS = 10_000;

export type Step =
  | { readonly kind: "change"; readonly at: number; readonly wants: readonly Want[] }
  | { readonly kind: "owed"; readonly at: number }
  | {
      readonly kind: "restart";
      readonly at: number;
      readonly echoes: number;
      readonly wants: readonly Want[];
    }
  | { readonly kind: "raise"; readonly at: number }
  | { readonly kind: "deliver"; readonly to: number; readonly pick: number }
  | { readonly kind: "missing"; readonly at: number; readonly to: number }
  | { readonly kind: "interval"; readonly at: number; readonly from: number }
  | { readonly kind: "relay"; readonly at: number; readonly of: number; readonly to: number }
  | { readonly kind: "echo"; readonly at: number; readonly of: number };

/** A change as it is drawn: made concrete for the field that it meets. */
export interface Want {
  readonly field: number;
  readonly key: number;
  readonly verb: number;
  readonly amount: number;
}

const want: fc.Arbitrary<Want> = fc.record({
  field: fc.nat(10),
  key: fc.nat(3),
  verb: fc.nat(5),
  amount: fc.nat(20),
});
export const wants = fc.array(want, { minLength: 1, maxLength: 3 });
const site = fc.nat(IDS.length - 1);

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("change" as const), at: site, wants }) },
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant("deliver" as const), to: site, pick: fc.nat(40) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("missing" as const), at: site, to: site }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("interval" as const),
        at: site,
        from: fc.nat(12),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("relay" as const), at: site, of: site, to: site }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("owed" as const), at: site }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("raise" as const), at: site }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("restart" as const),
        at: site,
        echoes: fc.nat(15),
        wants,
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("echo" as const), at: site, of: site }) },
  ),
  { minLength: 10, maxLength: 100, size: "max" },
);

/** A change that the field takes; `step` makes values differ. */
export function concrete(field: Field, drawn: Want, step: number): Change {
  const key: Key = field.key === "number" ? drawn.key + 1 : `k${drawn.key}`;
  const { verb, amount } = drawn;
  switch (field.kind) {
    case "register":
    case "shared-register":
      return write(field, key, drawn, step);
    case "g-counter":
    case "epoch-counter":
      return counted(field, key, drawn);
    case "grow-set":
      return { kind: "add", field: field.name, key, value: `of ${key}` };
    default: {
      if (verb === 0) return { kind: "retire", field: field.name, key };
      if (verb <= 2) return { kind: "remove", field: field.name, key };
      const lease = field.kind === "leased-set" ? { leaseMs: LEASE_MS, ageMs: amount } : {};
      const value = amount % 2 === 0 ? null : amount;
      return { kind: "add", field: field.name, key, value, ...lease };
    }
  }
}

function write({ name, kind }: Field, key: Key, { verb, amount }: Want, step: number): Change {
  if (kind === "shared-register") {
    const hlc = { wallMs: amount, count: verb };
    return { kind: "set", field: name, key, value: `${step}`, hlc };
  }
  return {
    kind: "set",
    field: name,
    key: name === "plan" ? 0 : key,
    value: valued(name, verb, amount),
  };
}

function valued(name: FieldName, verb: number, amount: number): Plain {
  if (name === "phase") return [verb, amount];
  if (name === "plan") return [60, [amount], verb];
  if (name === "departures") return [amount, new Uint8Array([verb]), new Uint8Array(verb)];
  return [verb, amount, null];
}

function counted({ name, kind }: Field, key: Key, { verb, amount }: Want): Change {
  if (kind === "g-counter") {
    if (verb === 0) return { kind: "total", field: name, key, total: amount };
    return { kind: "count", field: name, key, by: amount };
  }
  if (verb === 0) return { kind: "empty", field: name, key };
  if (verb === 1) return { kind: "passed", field: name, key, epoch: 1, in: amount, out: 1 };
  return { kind: "pass", field: name, key, in: amount, out: verb };
}
