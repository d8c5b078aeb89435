// What the replicated state promises, and what neighbours may say of each other.
import { type Invariant, invariant } from "./invariant.ts";

export const sameDotsSameState: Invariant<[string, string, string]> = invariant(
  "same dots, same state",
  "two nodes that have seen the same changes and differ will never agree again",
  (what, here, there) => (here === there ? null : `${what}: ${here} here, ${there} elsewhere`),
);

export const countersNeverStepBack: Invariant<[string, number, number]> = invariant(
  "counters never step back",
  "who computes a flow from two readings would see cars driving backwards",
  (what, before, now) => (now >= before ? null : `${what}: ${before}, then ${now}`),
);

export const noDotTwice: Invariant<[number, string, string]> = invariant(
  "no dot twice",
  "a name that stands for two changes makes two truths",
  (incarnation, before, now) =>
    before === now ? null : `incarnation ${incarnation} was shared by start ${before} and ${now}`,
);

export interface Element {
  readonly name: string;
  /** The dot by which it stands: incarnation and counter. */
  readonly dot: readonly [number, number];
  /** The newest dot by which it stood when it was last seen to be gone. */
  readonly gone: readonly [number, number];
}

export const removedStaysRemoved: Invariant<[Element]> = invariant(
  "a removed element returns only by a new add",
  "a fault that was mended and stands again deceives whoever is sent there",
  ({ name, dot, gone }) => {
    const newer = dot[0] > gone[0] || (dot[0] === gone[0] && dot[1] > gone[1]);
    return newer ? null : `${name} is back by dot ${dot.join(".")}, gone was ${gone.join(".")}`;
  },
);

export const noHonestLiar: Invariant<[string, string | null]> = invariant(
  "no honest node is reported as a liar",
  "a report that is wrong once is not believed again",
  (neighbour, distrusted) => (distrusted === null ? null : `${neighbour}: ${distrusted}`),
);

export interface Held {
  readonly owner: string;
  /** The newest row that the owner was told to be safe. */
  readonly seq: number;
  readonly hash: string;
  /** The hash that the custodian has of it, or null. */
  readonly found: string | null;
}

export const custodyHolds: Invariant<[Held]> = invariant(
  "custody never acknowledges what its disk has not",
  "the owner may lose its own copy in the next moment",
  ({ owner, seq, hash, found }) => {
    if (found === hash) return null;
    return found === null
      ? `row ${seq} of ${owner} is not there`
      : `row ${seq} of ${owner} differs`;
  },
);

export const historyComesBack: Invariant<[string, boolean]> = invariant(
  "a lost history comes back from its custodian",
  "that is what a second copy is for",
  (row, found) => (found ? null : `${row} is at the custodian's and not in the log again`),
);

export const hybridClockRises: Invariant<[readonly [number, number], readonly [number, number]]> =
  invariant(
    "the hybrid clock never goes back",
    "a later wish with an earlier stamp would lose against the one that it replaces",
    (before, now) => {
      const rises = now[0] > before[0] || (now[0] === before[0] && now[1] > before[1]);
      return rises ? null : `${before.join("+")} was followed by ${now.join("+")}`;
    },
  );

export const revokedStaysSo: Invariant<[string, boolean]> = invariant(
  "what is revoked stays so, everywhere",
  "a stolen key opens the one door where nobody remembers that it was stolen",
  (serial, known) => (known ? null : `certificate ${serial} is believed again`),
);

export interface Leased {
  readonly vehicle: string;
  /** Since it was last seen, true time, ms. */
  readonly ageMs: number;
  readonly leaseMs: number;
  readonly visible: boolean;
  /** This is the node that saw it, and it has run since. */
  readonly own: boolean;
}

/** A batch may be that long on its way to the last node: a connection is given up after 10 s. */
const LEASE_LATE_MS = 15_000;
const LEASE_SLACK_MS = 1_500;

export const leasesEnd: Invariant<[Leased]> = invariant(
  "a lease lasts as long as it says, whatever the wall clock does",
  "a vehicle that is believed to be there and is not, or the other way round",
  ({ vehicle, ageMs, leaseMs, visible, own }) => {
    const text = `${vehicle}, lease ${leaseMs} ms, seen ${Math.round(ageMs)} ms ago`;
    const slackMs = own ? LEASE_SLACK_MS : LEASE_LATE_MS;
    if (visible) return ageMs > leaseMs + slackMs ? `${text}: is still there` : null;
    return own && ageMs < leaseMs - LEASE_SLACK_MS ? `${text}: is gone already` : null;
  },
);

export interface Behind {
  readonly origin: string;
  readonly stream: number;
  readonly due: string;
  readonly has: string;
  readonly isBehind: boolean;
}

export const lagRecovers: Invariant<[Behind]> = invariant(
  "the lag recovers once faults stop",
  "a neighbour that stays behind for ever is no neighbour",
  ({ origin, stream, due, has, isBehind }) =>
    isBehind ? `stream ${stream} of ${origin}: ${has}, should be at ${due}` : null,
);
