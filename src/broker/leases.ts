// Detectors that come in over MQTT. Each report holds for the lease of the site file; a detector
// whose client falls silent is reported as silent, and the controller treats it as failed.
import type { SiteModel } from "../core/site/model.ts";
import { decodeDetectorReport } from "../wire/detector.ts";

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
}

export class DetectorLeases {
  readonly #leases = new Map<number, Lease>();
  readonly #onInput: (input: DetectorInput) => void;

  constructor(site: SiteModel, onInput: (input: DetectorInput) => void) {
    this.#onInput = onInput;
    for (const { detector, mqtt } of site.detectors) {
      if (mqtt === null) continue;
      this.#leases.set(detector, { on: null, leaseMs: mqtt.leaseMs, timer: null });
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
    if (lease.on === on) return;
    lease.on = on;
    this.#onInput({ kind: "detector", detector, on });
  }

  stop(): void {
    for (const { timer } of this.#leases.values()) {
      if (timer !== null) clearTimeout(timer);
    }
  }

  #renew(detector: number, lease: Lease): void {
    if (lease.timer !== null) clearTimeout(lease.timer);
    lease.timer = setTimeout(
      () => {
        lease.on = null;
        this.#onInput({ kind: "detector-silent", detector });
      },
      Math.min(lease.leaseMs, MAX_TIMER_MS),
    );
    lease.timer.unref();
  }
}
