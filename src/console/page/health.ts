// Health in plain words: each part of the node with what is wrong, or that nothing is.
import { stateIcon } from "./icons.ts";
import type { Health, HealthState } from "./messages.ts";
import { html, setText } from "./svg.ts";

const STATE_NAMES: Readonly<Record<HealthState, string>> = {
  ok: "well",
  degraded: "degraded",
  failed: "failed",
};

/** "3 d 4 h", "2 h 5 min", "12 min", "40 s". */
export function durationText(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

export class HealthPanel {
  readonly element: HTMLElement;
  readonly #list = html("ul", { class: "health" });
  readonly #foot = html("p", { class: "health-foot" });
  #key = "";

  constructor() {
    this.element = html("div", {}, this.#list, this.#foot);
  }

  update(health: Health | null): void {
    const key = JSON.stringify(health?.parts ?? null);
    if (key !== this.#key) {
      this.#key = key;
      this.#list.replaceChildren(...(health?.parts ?? []).map(partLine));
    }
    const words =
      health === null
        ? "No health report yet."
        : `Stopline ${health.program}, running for ${durationText(health.uptimeS)}`;
    setText(this.#foot, words);
  }
}

function partLine({ name, state, text }: Health["parts"][number]): HTMLElement {
  return html(
    "li",
    { class: `part part-${state}` },
    stateIcon(state),
    html("strong", {}, name),
    html("span", { class: "part-text" }, text),
    html("span", { class: "unseen" }, ` (${STATE_NAMES[state]})`),
  );
}
