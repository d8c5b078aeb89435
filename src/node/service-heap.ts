// How much memory the service thread may have.
import type { SiteModel } from "../core/site/model.ts";

/** Heap of the service thread: 100 clients need some 20 MB (measured by bench/node.ts). */
const SERVICE_HEAP_MB = 160;
/**
 * Its young generation. Where vehicles may connect, 2 MB are collected 42 ms of each second under
 * 2,000 reports a second and decisions wait for it (bench/vehicle.ts); 8 MB cost some 5 MB at rest
 * (bench/node.ts), which a node with local clients alone has no use for.
 */
const SERVICE_YOUNG_MB = { local: 2, open: 8 } as const;

/** The service thread's share of memory, by who may connect. */
export function serviceHeap(site: SiteModel | null) {
  const open = site?.broker.listeners.some(({ tls }) => tls === true) ?? false;
  const maxYoungGenerationSizeMb = open ? SERVICE_YOUNG_MB.open : SERVICE_YOUNG_MB.local;
  return { maxOldGenerationSizeMb: SERVICE_HEAP_MB, maxYoungGenerationSizeMb };
}
