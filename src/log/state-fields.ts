// A folded state as lines of a name and a value, so that two of them can be compared by people.
import type { CborValue } from "../wire/codec.ts";
import { timeText } from "./export.ts";
import type { LogState } from "./fold.ts";
import type { WrittenSnapshot } from "./snapshot-file.ts";

/** Values by name, in a reader's order. */
export type Fields = ReadonlyMap<string, string>;

const DISPLAYS = ["red", "green", "yellow", "red clearance"] as const;

function plain(value: CborValue): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : JSON.stringify(value);
}

function time(atMs: number): string {
  return atMs === 0 ? "never" : timeText(atMs);
}

/** Where a snapshot stands and who wrote it. */
export function headFields({
  position,
  at,
  incarnation,
  node,
  signature,
}: WrittenSnapshot): Fields {
  return new Map([
    ["node", node ?? "unnamed"],
    ["incarnation", String(incarnation)],
    ["row", String(position.seq)],
    ["hash", position.hash],
    ["time", time(at)],
    ["signed", signature === null ? "no" : "yes"],
  ]);
}

/** Everything that a state says. */
export function stateFields(state: LogState): Fields {
  const fields = new Map<string, string>();
  const put = (name: string, value: string | number): void => void fields.set(name, String(value));
  put("state incarnation", state.incarnation);
  put("boot", state.boot);
  put("program", state.program);
  put("site", state.site);
  put("mode", state.mode === "" ? "none" : state.mode);
  put("mode cause", state.modeCause ?? "none");
  put("mode since", time(state.modeSince));
  put("trip", state.trip === null ? "none" : `${state.trip.text} since ${time(state.trip.since)}`);
  put("commands done", state.done);
  put("commands refused", state.refused);
  putMoving(state, put);
  for (const [what, { text, since }] of sorted(state.standing)) {
    put(`standing ${what}`, `since ${time(since)} ${text}`.trimEnd());
  }
  for (const [kind, count] of sorted(state.rows)) put(`rows of kind ${kind}`, count);
  for (const [name, count] of sorted(state.lost)) put(`missing of class ${name}`, count);
  putShared(state, put);
  return fields;
}

type Put = (name: string, value: string | number) => void;

function putMoving(state: LogState, put: Put): void {
  for (const [phase, { display, since, greens, walks }] of numbered(state.phases)) {
    put(`phase ${phase} display`, DISPLAYS[display] ?? display);
    put(`phase ${phase} since`, time(since));
    put(`phase ${phase} greens`, greens);
    put(`phase ${phase} walks`, walks);
  }
  for (const [name, states] of [
    ["detector", state.detectors],
    ["button", state.buttons],
  ] as const) {
    for (const [channel, { on, since, count, failed }] of numbered(states)) {
      put(`${name} ${channel} on`, on ? "yes" : "no");
      put(`${name} ${channel} since`, time(since));
      put(`${name} ${channel} count`, count);
      put(`${name} ${channel} failed`, failed === 0 ? "no" : `code ${failed}`);
    }
  }
}

function putShared({ shared }: LogState, put: Put): void {
  const { clock } = shared;
  put("hybrid clock", `${time(clock.wallMs)} +${clock.count}`);
  for (const [key, { value, stamp }] of shared.wishes) {
    put(`wish ${key}`, `${plain(value)} at ${time(stamp.wallMs)} +${stamp.count}`);
  }
  for (const [fault, { author, at }] of shared.acknowledgements) {
    put(`acknowledged ${fault}`, `by ${author} at ${time(at)}`);
  }
  for (const [serial, signed] of sorted(shared.revocations)) {
    put(`revoked ${serial}`, plain(signed));
  }
  for (const [slot, { id, notBeforeMs }] of sorted(shared.orders)) {
    put(`zone order ${slot}`, `${id} from ${time(notBeforeMs)}`);
  }
  for (const [incarnation, seq] of numbered(shared.recovered)) {
    put(`recovered of incarnation ${incarnation}`, `to row ${seq}`);
  }
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

function numbered<T>(map: ReadonlyMap<number, T>): [number, T][] {
  return [...map].sort(([a], [b]) => a - b);
}

/** A field that two states do not agree on; null where one of them does not have it. */
export interface Difference {
  readonly name: string;
  readonly left: string | null;
  readonly right: string | null;
}

export function differences(left: Fields, right: Fields): Difference[] {
  const names = [...left.keys(), ...[...right.keys()].filter((name) => !left.has(name))];
  return names
    .map((name) => ({ name, left: left.get(name) ?? null, right: right.get(name) ?? null }))
    .filter((difference) => difference.left !== difference.right);
}
