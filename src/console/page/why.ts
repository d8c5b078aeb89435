// Why a light is, or was, what it is: the chain of events behind it, made here from log rows by the
// same core as `stopline why`.
import { explain, type WhyStatement } from "../../core/why/why.ts";
import type { EventRow } from "./rows.ts";
import type { Site } from "./site.ts";
import { html, setText } from "./svg.ts";

/** Longer than any green, hold or wait for one. */
const SPAN_MS = 15 * 60_000;
const MAX_ROWS = 6_000;

/** Fetches rows by the query of `/api/events`; null when the log does not answer. */
export type FetchRows = (query: string) => Promise<readonly EventRow[] | null>;

export class Why {
  readonly element: HTMLDialogElement;
  readonly #site: Site;
  readonly #fetch: FetchRows;
  readonly #clock: Intl.DateTimeFormat;
  readonly #title = html("h2", { id: "why-title" });
  readonly #list = html("ol", { class: "why", tabindex: 0, "aria-labelledby": "why-title" });

  constructor(site: Site, fetchRows: FetchRows) {
    this.#site = site;
    this.#fetch = fetchRows;
    this.#clock = new Intl.DateTimeFormat("en-GB", {
      timeZone: site.timezone,
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      fractionalSecondDigits: 1,
    });
    const close = html("button", { type: "button", autofocus: true }, "Close");
    this.element = html(
      "dialog",
      { class: "why-dialog", "aria-labelledby": "why-title" },
      this.#title,
      this.#list,
      html("div", { class: "dialog-buttons" }, close),
    );
    close.addEventListener("click", () => this.element.close());
  }

  /** Why the phase shows what it shows at `atMs` by the node's wall clock. */
  async askNow(phase: number, atMs: number): Promise<void> {
    await this.#ask(phase, atMs, `since=${Math.round(atMs - SPAN_MS)}&limit=${MAX_ROWS}`);
  }

  /** The same for the moment of a row. */
  async askRow(phase: number, row: Pick<EventRow, "seq" | "at">): Promise<void> {
    const from = Math.max(1, row.seq - MAX_ROWS + 1);
    await this.#ask(phase, row.at, `from=${from}&limit=${row.seq - from + 1}`);
  }

  async #ask(phase: number, atMs: number, query: string): Promise<void> {
    const name = this.#site.phases.find((entry) => entry.phase === phase)?.name ?? "";
    setText(this.#title, `Why: phase ${phase}, ${name}, at ${this.#clock.format(atMs)}`);
    this.#list.replaceChildren(html("li", {}, "Reading the log …"));
    if (!this.element.open) this.element.showModal();
    const rows = await this.#fetch(query);
    if (rows === null) {
      this.#list.replaceChildren(html("li", {}, "The log does not answer; try again."));
      return;
    }
    const { detectors, pedestrianDetectors } = this.#site;
    const wiring = { detectors, buttons: pedestrianDetectors };
    const timeText = (wallMs: number): string => this.#clock.format(wallMs);
    const { run, chain } = explain(rows, { phase, atMs, wiring, timeText });
    this.#list.replaceChildren(...chain.map((statement) => this.#line(statement, run)));
    this.#list.lastElementChild?.classList.add("why-light");
    this.#list.lastElementChild?.scrollIntoView({ block: "nearest" });
  }

  #line({ text, seq, at }: WhyStatement, run: number | null): HTMLElement {
    const time = html("time", {}, at === null ? "" : this.#clock.format(at));
    if (at !== null) time.dateTime = new Date(at).toISOString();
    const place = seq === null ? "" : `${run === null ? "" : `${run}:`}${seq}`;
    return html(
      "li",
      {},
      time,
      html("span", { class: "why-text" }, text),
      html("span", { class: "why-place", title: "run and row of the log" }, place),
    );
  }
}
