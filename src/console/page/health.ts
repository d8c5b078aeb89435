// Health in plain words: each part of the node with what is wrong, or that nothing is.

import { durationText } from "./durations.ts";
import { stateIcon } from "./icons.ts";
import type { Health, HealthState } from "./messages.ts";
import { html, setText } from "./svg.ts";

const STATE_NAMES: Readonly<Record<HealthState, string>> = {
  ok: "well",
  degraded: "degraded",
  failed: "failed",
};

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
