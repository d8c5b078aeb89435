// Detectors that come in over MQTT. Each report holds for the lease of the site file; a detector
// whose client falls silent is reported as silent, and the controller treats it as failed. One that
// changes faster than any axle can is told at a bounded rate, the newest state each time: behind it
// is the control thread.
import { DETECTOR_CHANGES_PER_S } from "../core/site/limits.ts";
import type { SiteModel } from "../core/site/model.ts";
import { decodeDetectorReport } from "../wire/detector.ts";
import { Bucket } from "./bucket.ts";

/** What the controller is told. */
export type DetectorInput =
  | { readonly kind: "detector"; readonly detector: number; readonly on: boolean }
  | { readonly kind: "detector-silent"; readonly detector: number };

/** A longer timer of Node's would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Lease {
  on: boolean | null;
  readonly leaseMs: number;
  timer: NodeJS.Timeout | null;
  readonly changes: Bucket;
  /** The newest state while it may not be told yet. */
  waiting: boolean | null;
  late: NodeJS.Timeout | null;
}

/** How many changes of one detector are told, and who hears of those that are not. */
export interface ChangeRule {
  readonly changesPerS: number;
  readonly now: () => number;
  readonly onCoalesced: () => void;
}

const USUAL_RULE: ChangeRule = {
  changesPerS: DETECTOR_CHANGES_PER_S,
  now: () => performance.now(),
  onCoalesced: () => undefined,
};

export class DetectorLeases {
  readonly #leases = new Map<number, Lease>();
  readonly #onInput: (input: DetectorInput) => void;
  readonly #rule: ChangeRule;

  constructor(site: SiteModel, onInput: (input: DetectorInput) => void, rule = USUAL_RULE) {
    this.#onInput = onInput;
    this.#rule = rule;
    const { changesPerS, now } = rule;
    for (const { detector, mqtt } of site.detectors) {
      if (mqtt === null) continue;
      const changes = new Bucket(changesPerS, changesPerS, now());
      const { leaseMs } = mqtt;
      const quiet = { on: null, timer: null, waiting: null, late: null };
      this.#leases.set(detector, { leaseMs, changes, ...quiet });
    }
  }

  /** A detector that never reports is silent too: its lease runs from the start. */
  start(): void {
    for (const [detector, lease] of this.#leases) this.#renew(detector, lease);
  }

  /** One report of the client that owns the detector; throws a `WireError` for anything else. */
  receive(detector: number, payload: Uint8Array): void {
    const lease = this.#leases.get(detector);
    if (lease === undefined) return;
    const on = decodeDetectorReport(payload);
    this.#renew(detector, lease);
    if (lease.waiting !== null) {
      if (lease.waiting !== on) this.#rule.onCoalesced();
      lease.waiting = on;
      return;
    }
    if (lease.on === on) return;
    const waitMs = lease.changes.waitMs(this.#rule.now());
    if (waitMs === 0) {
      this.#tell(detector, lease, on);
      return;
    }
    lease.waiting = on;
    lease.late = setTimeout(() => this.#tellLate(detector, lease), Math.ceil(waitMs));
    lease.late.unref();
  }

  #tell(detector: number, lease: Lease, on: boolean): void {
    lease.changes.take(1);
    lease.on = on;
    this.#onInput({ kind: "detector", detector, on });
  }

  #tellLate(detector: number, lease: Lease): void {
    const { waiting } = lease;
    lease.waiting = null;
    if (waiting === null) return;
    if (waiting === lease.on) this.#rule.onCoalesced();
    else this.#tell(detector, lease, waiting);
  }

  stop(): void {
    for (const { timer, late } of this.#leases.values()) {
      if (timer !== null) clearTimeout(timer);
      if (late !== null) clearTimeout(late);
    }
  }

  #renew(detector: number, lease: Lease): void {
    if (lease.timer !== null) clearTimeout(lease.timer);
    lease.timer = setTimeout(
      () => {
        lease.on = null;
        lease.waiting = null;
        this.#onInput({ kind: "detector-silent", detector });
      },
      Math.min(lease.leaseMs, MAX_TIMER_MS),
    );
    lease.timer.unref();
  }
}
