// The program card: which channels may be lit together, as an integrator reads and signs it.
// Everything fits 80 columns.
import { worstTransferMs } from "../core/site/concurrency.ts";
import type { Channel, SiteModel } from "../core/site/model.ts";
import { modulo, planLayout } from "../core/site/plan.ts";

const COLUMNS = 80;
const LABEL = 26;

/** What a channel is, in at most `LABEL` columns. */
function label(site: SiteModel, channel: Channel): string {
  const name = site.phases.find(({ phase }) => phase === channel.phase)?.name ?? "";
  const text = channel.kind === "pedestrian" ? `walk with phase ${channel.phase}` : name;
  const fitted = text.length > LABEL ? `${text.slice(0, LABEL - 1)}…` : text;
  return `${String(channel.channel).padStart(2)} ${fitted.padEnd(LABEL)}`;
}

function matrix(site: SiteModel): string[] {
  const together = new Set(site.compatible.map(([a, b]) => `${a} ${b}`));
  const numbers = site.channels.map(({ channel }) => channel);
  const head = `${" ".repeat(LABEL + 3)}${numbers.map((n) => String(n).padStart(3)).join("")}`;
  const rows = site.channels.map((row) => {
    const cells = numbers.map((other) => {
      if (other === row.channel) return "  \\";
      const pair = `${Math.min(other, row.channel)} ${Math.max(other, row.channel)}`;
      return together.has(pair) ? "  X" : "  .";
    });
    return `${label(site, row)}${cells.join("")}`;
  });
  return [head, ...rows];
}

/** Words in lines of at most 80 columns, with two spaces before every line. */
function wrapped(words: readonly string[], gap: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && line.length + gap.length + word.length + 2 > COLUMNS) {
      lines.push(`  ${line}`);
      line = "";
    }
    line += line === "" ? word : `${gap}${word}`;
  }
  return [...lines, `  ${line}`];
}

function fit(text: string): string {
  return text.length > COLUMNS ? `${text.slice(0, COLUMNS - 1)}…` : text;
}

function flashing(site: SiteModel): string {
  const yellow = site.channels.filter(({ flash }) => flash === "yellow");
  const numbers = yellow.map(({ channel }) => channel).join(", ");
  return numbers === "" ? "every vehicle channel red" : `yellow on ${numbers}, red on the others`;
}

/** Lines about what was decided by hand: floors overridden, and how long preemption takes. */
export function siteNotes(site: SiteModel): string[] {
  const overrides = site.overrides.map(
    ({ key, value, reason }) => `override: ${key} is ${value}: ${reason}`,
  );
  const preempts = site.preempts.map((preempt) => {
    const worst = (worstTransferMs(site, preempt) / 1000).toFixed(1);
    const need = (preempt.needWithinMs / 1000).toFixed(1);
    return `preempt ${preempt.preempt}: worst transfer time ${worst} s, needed within ${need} s`;
  });
  return [...overrides, ...preempts];
}

/** One line per plan: when each phase yields or is forced off, in cycle seconds. */
export function planNotes(site: SiteModel): string[] {
  return (site.plans ?? []).map((plan) => {
    const { phases, zeroMs } = planLayout(site, plan);
    const points = phases
      .map(({ phase, endMs, isCoordinated }) => {
        const second = modulo(endMs - zeroMs, plan.cycleMs) / 1000;
        return { second, text: `${phase} ${isCoordinated ? "yields " : ""}${second.toFixed(1)}` };
      })
      .sort((a, b) => a.second - b.second);
    const cycle = (plan.cycleMs / 1000).toFixed(0);
    const list = points.map(({ text }) => text).join(", ");
    return `plan ${plan.plan}: cycle ${cycle} s, force-offs ${list}`;
  });
}

/**
 * The card of a site as text. `checksum` is that of the record which the microcontroller must
 * hold, written as the caller wants it typed.
 */
export function programCard(site: SiteModel, checksum: string): string {
  const pairs = site.compatible.map(([a, b]) => `${a}+${b}`);
  const { region, zone, id } = site.node;
  const lines = [
    fit(`PROGRAM CARD     ${site.name}`),
    fit(`node             ${region}/${zone}/${id}`),
    `record checksum  ${checksum}`,
    fit(`failure display  ${site.failureDisplay}; in flash ${flashing(site)}`),
    `start-up         phases ${site.startup.phases.join(", ")}`,
    "",
    "X: may be lit together (green, yellow, walk or flashing don't walk)   .: never",
    "",
    ...matrix(site),
    "",
    `${pairs.length} pairs:`,
    ...wrapped(pairs, "  "),
    "",
    ...siteNotes(site).flatMap((note) => wrapped(note.split(" "), " ")),
    "",
    "signed ____________________________   date ____________________",
  ];
  return `${lines.join("\n")}\n`;
}
