// Channels: what is wired to which output, and what it shows in the failure display.
import type { Draft } from "./draft.ts";
import type { Problems } from "./problems.ts";
import { isPhase } from "./rules-structure.ts";

/** Every phase has its channels, no channel is another's double, and flash is safe. */
export function checkChannels(draft: Draft, problems: Problems): void {
  const owners = new Map<string, number>();
  for (const [number, { phase, kind }] of draft.channels) {
    const path = ["channels", String(number), "phase"];
    if (!isPhase(draft, problems, phase, path)) continue;
    const other = owners.get(`${kind} ${phase}`);
    if (other !== undefined) {
      const what = `used twice: channel ${other} is its ${kind} channel already`;
      problems.add({ path, value: `phase ${phase}`, what, use: "one channel of a kind per phase" });
    }
    owners.set(`${kind} ${phase}`, number);
    checkFlashColour(draft, problems, number);
    checkWalk(draft, problems, number);
  }
  checkOwners(draft, problems, owners);
  checkYellowFlash(draft, problems);
}

function checkOwners(draft: Draft, problems: Problems, owners: ReadonlyMap<string, number>): void {
  // A channel whose shape is wrong may be the one that is missed here.
  if (draft.channels.size !== draft.channelIds.size) return;
  for (const phase of draft.phaseIds) {
    const path = ["phases", String(phase)];
    const value = `phase ${phase}`;
    if (!owners.has(`vehicle ${phase}`)) {
      const use = `a line in channels with phase: ${phase}`;
      problems.add({ path, value, what: "without a vehicle channel", use });
    }
    const walks = draft.phases.get(phase)?.pedestrian !== undefined;
    if (walks && !owners.has(`pedestrian ${phase}`)) {
      const use = `a line in channels with phase: ${phase}, kind: pedestrian`;
      problems.add({
        path: [...path, "pedestrian"],
        value,
        what: "without a pedestrian channel",
        use,
      });
    }
  }
}

function checkWalk(draft: Draft, problems: Problems, number: number): void {
  const channel = draft.channels.get(number);
  if (channel?.kind !== "pedestrian") return;
  const phase = draft.phases.get(channel.phase);
  if (phase === undefined || phase.pedestrian !== undefined) return;
  problems.add({
    path: ["channels", String(number), "phase"],
    what: "a phase without pedestrian",
    use: "a phase that has walk and clearance",
  });
}

function checkFlashColour(draft: Draft, problems: Problems, number: number): void {
  const channel = draft.channels.get(number);
  const path = ["channels", String(number), "flash"];
  if (channel?.kind === "pedestrian" && (channel.flash ?? "dark") !== "dark") {
    const use = "no flash on a pedestrian channel";
    problems.add({ path, what: "not dark, as pedestrian channels are in flash", use });
  }
  if (channel?.kind === "vehicle" && (channel.flash ?? "dark") === "dark") {
    const use = "red, or yellow where nothing conflicts";
    problems.add({ path, what: "no flash colour for a vehicle channel", use });
  }
}

function checkYellowFlash(draft: Draft, problems: Problems): void {
  const { compatible } = draft;
  if (compatible === undefined) return;
  const together = new Set(compatible.map(([a, b]) => `${Math.min(a, b)} ${Math.max(a, b)}`));
  const yellow = [...draft.channels]
    .filter(([, { kind, flash }]) => kind === "vehicle" && flash === "yellow")
    .map(([number]) => number)
    .sort((a, b) => a - b);
  for (const [at, b] of yellow.entries()) {
    for (const a of yellow.slice(0, at)) {
      if (together.has(`${a} ${b}`)) continue;
      const what = `a second flashing yellow that conflicts with channel ${a}`;
      problems.add({ path: ["channels", String(b), "flash"], what, use: "red for one of the two" });
    }
  }
}
