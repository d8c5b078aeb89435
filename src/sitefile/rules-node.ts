// Everything around the lamps: addresses, the cabinet's device, the broker's list, the street.
import { bytesOf } from "./convert.ts";
import type { Draft } from "./draft.ts";
import type { Problems } from "./problems.ts";
import { checkAddresses } from "./rules-links.ts";
import { isPhase } from "./rules-structure.ts";

/** Retention deletes whole segments; below this there is nothing left to keep. */
const LEAST_LOG_BYTES = 16 * 1024 * 1024;

export function checkNode(draft: Draft, problems: Problems): void {
  checkTimezone(draft, problems);
  checkDevice(draft, problems);
  checkAddresses(draft, problems);
  checkAcl(draft, problems);
  checkLog(draft, problems);
  checkStreet(draft, problems);
}

function checkTimezone(draft: Draft, problems: Problems): void {
  const timezone = draft.site?.timezone;
  if (timezone === undefined) return;
  try {
    Intl.DateTimeFormat("en", { timeZone: timezone });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const path = ["site", "timezone"];
    problems.add({ path, what: "no known time zone", use: "an IANA name such as Europe/Prague" });
  }
}

function checkDevice(draft: Draft, problems: Problems): void {
  const device = draft.cabinet?.device;
  if (device === undefined || device === "virtual" || device.startsWith("/")) return;
  const use = "virtual, or an absolute path such as /dev/serial/by-id/…";
  problems.add({ path: ["cabinet", "device"], what: "no device", use });
}

/** MQTT 3.1.1 section 4.7: # alone and last, + alone in its level. */
function isTopicFilter(filter: string): boolean {
  const levels = filter.split("/");
  return levels.every((level, at) => {
    if (level === "#") return at === levels.length - 1;
    return level === "+" || !/[#+]/.test(level);
  });
}

function checkAcl(draft: Draft, problems: Problems): void {
  for (const [at, entry] of (draft.broker?.acl ?? []).entries()) {
    for (const list of ["publish", "subscribe", "deny"] as const) {
      for (const [index, filter] of entry[list].entries()) {
        if (isTopicFilter(filter)) continue;
        const path = ["broker", "acl", at, list, index];
        problems.add({
          path,
          what: "no topic filter",
          use: "# alone and last, + alone in a level",
        });
      }
    }
  }
}

function checkLog(draft: Draft, problems: Problems): void {
  checkCopies(draft, problems);
  const maxBytes = draft.log?.maxBytes;
  if (maxBytes === undefined || bytesOf(maxBytes) >= LEAST_LOG_BYTES) return;
  problems.add({ path: ["log", "maxBytes"], what: "below 16 MiB", use: "16MiB or more" });
}

/** The keys of a bucket stand in a file of their own: site files are passed around. */
function checkCopies({ log }: Draft, problems: Problems): void {
  const isBucket = log?.copyTo?.startsWith("http") ?? false;
  if (isBucket && log?.copyCredentials === undefined) {
    const use = "log.copyCredentials: /path/of/keys.json beside it";
    problems.add({ path: ["log", "copyTo"], what: "a bucket without keys", use });
  } else if (!isBucket && log?.copyCredentials !== undefined) {
    const use = "a bucket's address as log.copyTo, or nothing here";
    problems.add({ path: ["log", "copyCredentials"], what: "of no use without a bucket", use });
  }
}

function checkStreet(draft: Draft, problems: Problems): void {
  const { street } = draft;
  if (street === undefined) return;
  for (const approach of Object.keys(street.demand)) {
    checkDemand(draft, problems, approach);
  }
  for (const approach of Object.keys(street.join?.roads ?? {})) {
    if (draft.approachIds.has(approach)) continue;
    const path = ["street", "join", "roads", approach];
    const what = "an approach that this file doesn't have";
    problems.add({ path, value: approach, what, use: [...draft.approachIds].join(", ") });
  }
  for (const phase of Object.keys(street.pedestrians ?? {}).map(Number)) {
    const path = ["street", "pedestrians", String(phase)];
    if (!isPhase(draft, problems, phase, path)) continue;
    const found = draft.phases.get(phase);
    if (found === undefined || found.pedestrian !== undefined) continue;
    const value = `phase ${phase}`;
    problems.add({ path, value, what: "without pedestrian", use: "a phase that has one" });
  }
}

function checkDemand(draft: Draft, problems: Problems, approach: string): void {
  const path = ["street", "demand", approach];
  if (!draft.approachIds.has(approach)) {
    const what = "an approach that this file doesn't have";
    problems.add({ path, value: approach, what, use: [...draft.approachIds].join(", ") });
    return;
  }
  const complete = draft.phases.size === draft.phaseIds.size;
  const served = [...draft.phases.values()].some((phase) => phase.approach === approach);
  if (!complete || served) return;
  problems.add({ path, value: approach, what: "served by no phase", use: "no demand there" });
}
