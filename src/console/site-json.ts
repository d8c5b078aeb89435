// What the page may know of the site: geometry, names, timing and topics. Client patterns, access
// lists, devices and addresses stay on the node.
import type { SiteModel } from "../core/site/model.ts";
import { topicsOf } from "../wire/topics.ts";

/** The body of `/api/site` for a node that runs its site file. */
export function siteToJson(site: SiteModel): Record<string, unknown> {
  return {
    node: site.node,
    name: site.name,
    position: site.position,
    timezone: site.timezone,
    failureDisplay: site.failureDisplay,
    approaches: site.approaches,
    phases: site.phases,
    sequence: site.sequence,
    channels: site.channels,
    detectors: site.detectors.map((entry) => ({
      detector: entry.detector,
      call: entry.call,
      extend: entry.extend,
      kind: entry.kind,
      source: entry.input === null ? "mqtt" : "input",
    })),
    pedestrianDetectors: site.pedestrianDetectors.map(({ detector, phase }) => ({
      detector,
      phase,
    })),
    preempts: site.preempts.map(({ preempt, phases }) => ({ preempt, phases })),
    plans: (site.plans ?? []).map(({ plan }) => plan),
    virtual: site.cabinet.device === "virtual",
    corridor: (site.corridor?.length ?? 0) > 1,
    topicPrefix: topicsOf(site.node).prefix,
  };
}
