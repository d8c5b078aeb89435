// The lists beside the diagram: what each junction does, and what each link carries.
import { modeLine, planLine } from "./coordination.ts";
import { LINK_LEGEND, linksOf } from "./corridor-links.ts";
import type { StreetPlan } from "./corridor-place.ts";
import { ageText } from "./durations.ts";
import type { Member } from "./member.ts";
import { html } from "./svg.ts";
import { MODE_WORDS } from "./words.ts";

/** In the order of the drawing, from its top; members without a site last. */
function inOrder(members: readonly Member[], plan: StreetPlan | null): Member[] {
  const known = members.filter(({ site }) => site !== null);
  const placed = (plan?.places ?? []).flatMap(({ index }) => known[index] ?? []);
  return [...placed.reverse(), ...members.filter(({ site }) => site === null)];
}

export function junctionRows(
  members: readonly Member[],
  plan: StreetPlan | null,
  nowMs: number,
): HTMLElement[] {
  return inOrder(members, plan).map((member) => junctionRow(member, nowMs));
}

function junctionRow(member: Member, nowMs: number): HTMLElement {
  const { site, picture, origin, trouble } = member;
  const belief = picture.belief(nowMs);
  const spat = belief === "live" ? picture.spat : null;
  const mode = spat === null ? (trouble ?? "not heard") : MODE_WORDS[spat.mode];
  const here = belief === "live" ? (picture.neighbours?.here ?? {}) : {};
  const local = here.corridor?.mode === "local-only";
  const plan = [planLine(here), local ? null : modeLine(here)].filter((line) => line !== null);
  const lines = [
    ...(local ? [modeLine(here) ?? ""] : []),
    ...(picture.health?.parts ?? [])
      .filter(({ name, state }) => state !== "ok" && name !== "coordination")
      .map(({ name, text }) => `${name}: ${text}`),
  ];
  return html(
    "li",
    { class: "junction-row" },
    html(
      "p",
      { class: "row-head" },
      html("a", { href: `${origin}/` }, site?.node.id ?? origin),
      html(
        "span",
        { class: "sign", "data-belief": belief },
        html("i", { class: "sign-shape", "aria-hidden": "true" }),
        mode,
      ),
    ),
    ...(site === null ? [] : [html("p", { class: "row-name" }, site.name)]),
    ...plan.map((text) => html("p", { class: "row-plan" }, text)),
    ...lines.slice(0, 3).map((text) => html("p", { class: "row-trouble" }, text)),
  );
}

export function linkRows(members: readonly Member[], plan: StreetPlan): HTMLElement[] {
  return linksOf(members, plan)
    .reverse()
    .map(({ names, state, seen, unsure, words }) => {
      const sides = seen.flatMap((side, index) => {
        if (side === null) return [];
        const age = side.ageMs === null ? "nothing yet" : `${ageText(side.ageMs)} ago`;
        const lag = side.lagMs === null ? "" : `, lag ${ageText(side.lagMs)}`;
        const trouble = side.trouble === null ? "" : ` · ${side.trouble}`;
        return [html("li", {}, `${names[index]} heard ${side.id}: ${age}${lag}${trouble}`)];
      });
      return html(
        "li",
        { class: "link-row", "data-state": state },
        html(
          "p",
          { class: "row-head" },
          html("strong", {}, names.join(" – ")),
          html("span", {}, unsure.length === 0 ? words : `${words} · marked`),
        ),
        html("ul", { class: "link-sides" }, ...sides),
        ...(unsure.length === 0 ? [] : [html("p", { class: "row-trouble" }, markText(unsure))]),
      );
    });
}

/** Why a link is marked, and what follows. */
function markText(unsure: readonly string[]): string {
  const whose =
    unsure.length === 1
      ? `the clock of ${unsure[0]} is not sure`
      : `the clocks of ${unsure.join(" and ")} are not sure`;
  return `Marked: ${whose}. The link carries on; no platoon is timed by it.`;
}

/** What each form of a link means, in words beside a piece of it. */
export function linkLegend(): HTMLElement[] {
  return LINK_LEGEND.map(([form, text]) =>
    html(
      "li",
      { class: `legend-item legend-link legend-${form}` },
      html("i", { "aria-hidden": "true" }),
      text,
    ),
  );
}
