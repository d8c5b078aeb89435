// What the bench of vehicles and its processes say to each other.

/** PEM texts of a certificate's holder. */
export interface Keys {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The junction that all vehicles listen to, wherever its messages come from. */
export const JUNCTION = { region: "bench", zone: "bench", id: "junction" } as const;
/** The phase that they approach: southbound, on the north arm. */
export const PHASE = 2;

export interface FleetPlan {
  readonly url: string;
  readonly vehicles: readonly { readonly id: string; readonly keys: Keys }[];
  /** Of each vehicle. */
  readonly reportsPerS: number;
  /** CLOCK_MONOTONIC less the monotonic stamps of the messages, ms. */
  readonly stampsFromMs: number;
}

export type ToFleet =
  | { readonly kind: "setup"; readonly plan: FleetPlan }
  /** Samples count from here; vehicles move and report for so long. */
  | { readonly kind: "begin"; readonly forMs: number }
  | { readonly kind: "collect" };

export interface Decided {
  /** Change published to decided, ms, one a vehicle and change. */
  readonly delaysMs: Float64Array;
  /** Vehicles that decided on each change, by the message's sequence. */
  readonly vehiclesOf: ReadonlyMap<number, number>;
  /** Decisions of all causes. */
  readonly decisions: number;
  readonly positions: number;
  readonly spanMs: number;
  /** Connections lost. */
  readonly lost: number;
}

export type FromFleet =
  /** Every vehicle has heard the junction. */
  { readonly kind: "linked" } | ({ readonly kind: "collected" } & Decided);

/** Where vehicles connect, and what `stampsFromMs` says above. */
export interface FromSource {
  readonly kind: "opened";
  readonly url: string;
  readonly stampsFromMs: number;
  readonly console: string | null;
}

export interface PublishPlan {
  readonly url: string;
  readonly keys: Keys;
}

export interface ToSource {
  readonly kind: "setup";
  readonly plan: PublishPlan;
}
