// The neighbours as this node knows them: their lights, how old that is, and how late it came.
import type { JunctionHere, NeighbourPhase, NeighbourPicture } from "../../core/site/neighbours.ts";
import { modeLine, neighbourLine, neighbourPlan, planLine } from "./coordination.ts";
import { ageText } from "./durations.ts";
import type { Neighbours } from "./messages.ts";
import { byId, html, setText } from "./svg.ts";

const LETTERS: Readonly<Record<NeighbourPhase["display"], string>> = {
  red: "R",
  yellow: "Y",
  green: "G",
  "red-clearance": "R",
};

function bytesText(bytes: number): string {
  return bytes < 1_000 ? `${bytes} B` : `${(bytes / 1_000).toFixed(1)} kB`;
}

function stateOf(neighbour: NeighbourPicture): "live" | "stale" | "lost" {
  if (neighbour.stale) return "lost";
  return neighbour.linkUp ? "live" : "stale";
}

const STATE_WORDS = { live: "linked", stale: "link down", lost: "not heard" } as const;

function phaseChip({ phase, display, endWallMs }: NeighbourPhase, wallMs: number): HTMLElement {
  const leftS = endWallMs === null ? null : Math.max(0, Math.round((endWallMs - wallMs) / 1_000));
  const text = `${LETTERS[display]}${leftS === null ? "" : ` ${leftS}`}`;
  return html(
    "li",
    { class: "near-phase", "data-display": display, title: `Phase ${phase}: ${display}` },
    html("span", { class: "near-number" }, String(phase)),
    html("span", { class: "near-lamp" }, text),
  );
}

function card(neighbour: NeighbourPicture, wallMs: number, here: JunctionHere): HTMLElement {
  const { id, ageMs, lagMs, phases, stale, trouble, vehicles, deltaBytes, incarnation } = neighbour;
  const state = stateOf(neighbour);
  const lag = lagMs === null ? "" : ` · lag ${ageText(lagMs)}`;
  const age = ageMs === null ? "never heard" : `heard ${ageText(ageMs)} ago${lag}`;
  const figures =
    `incarnation ${incarnation} · ${vehicles} vehicles counted · ` +
    `${bytesText(deltaBytes)} received` +
    neighbourPlan(neighbour.plan) +
    neighbourLine(id, here);
  return html(
    "li",
    { class: "near", "data-state": state },
    html(
      "p",
      { class: "near-head" },
      html("strong", {}, id),
      html(
        "span",
        { class: "sign", "data-belief": state === "live" ? "live" : state },
        html("i", { class: "sign-shape", "aria-hidden": "true" }),
        STATE_WORDS[state],
      ),
      html("span", { class: "near-age" }, age),
    ),
    html(
      "ul",
      { class: "near-phases", "data-stale": stale ? "" : "no" },
      ...phases.map((phase) => phaseChip(phase, wallMs)),
    ),
    html("p", { class: "near-figures" }, trouble === null ? figures : `${figures} · ${trouble}`),
  );
}

export class NeighboursPanel {
  readonly #panel = byId("near-panel");
  readonly #mode = html("p", { class: "near-here", role: "status" });
  readonly #plan = html("p", { class: "near-note" });
  readonly #list = html("ul", { class: "near-list" });
  readonly #note = html("p", { class: "near-note" });
  #key = "";

  constructor() {
    byId("near").append(this.#mode, this.#plan, this.#list, this.#note);
  }

  /** Shows itself once there is a neighbour to speak of. */
  update(state: Neighbours | null): void {
    const neighbours = state?.neighbours ?? [];
    this.#panel.hidden = neighbours.length === 0;
    if (state === null || neighbours.length === 0) return;
    const here = state.here ?? {};
    this.#here(here);
    const key = JSON.stringify([neighbours, here.corridor]);
    if (key === this.#key) return;
    this.#key = key;
    this.#list.replaceChildren(...neighbours.map((entry) => card(entry, state.wallMs, here)));
    setText(
      this.#note,
      "What neighbours say of themselves: observations, never orders to this node.",
    );
  }

  #here(here: JunctionHere): void {
    const [mode, plan] = [modeLine(here), planLine(here)];
    this.#mode.hidden = mode === null;
    this.#plan.hidden = plan === null;
    this.#mode.dataset.mode = here.corridor?.mode ?? "";
    setText(this.#mode, mode ?? "");
    setText(this.#plan, plan ?? "");
  }
}
