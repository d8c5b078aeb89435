// The tail of the event log, newest first, with a filter by group and by word.
import { RowFocus } from "./row-focus.ts";
import type { EventRow } from "./rows.ts";
import { html, setText } from "./svg.ts";
import { type EventGroup, eventWords, isPhaseCode } from "./words.ts";

/** Rows kept, and rows drawn: enough for some minutes of a busy junction. */
const KEPT = 1_500;
const DRAWN = 120;

interface Line {
  readonly row: EventRow;
  readonly group: EventGroup;
  readonly text: string;
}

type Filter = EventGroup | "all";

const FILTERS: readonly (readonly [Filter, string])[] = [
  ["all", "All"],
  ["signals", "Signals"],
  ["detectors", "Detectors"],
  ["commands", "Commands"],
  ["faults", "Faults"],
  ["node", "Node"],
];

/** What a filter lets through. */
export function passes(line: Pick<Line, "group" | "text">, filter: Filter, word: string): boolean {
  if (filter !== "all" && line.group !== filter) return false;
  return word === "" || line.text.toLowerCase().includes(word.toLowerCase());
}

export class Tail {
  readonly element: HTMLElement;
  readonly #list = html("ol", { class: "tail", tabindex: 0, "aria-label": "Events, newest first" });
  readonly #focus = new RowFocus(this.#list);
  readonly #count = html("span", { class: "tail-count" });
  readonly #clock: Intl.DateTimeFormat;
  readonly #why: (phase: number, row: EventRow) => void;
  #lines: Line[] = [];
  #filter: Filter = "all";
  #word = "";
  #dirty = false;
  /** The rows' elements: one that stays is not touched, so that the focus stays on it. */
  #drawn = new Map<string, HTMLElement>();

  /** `why` is told the phase and the row that somebody asks about. */
  constructor(timezone: string, why: (phase: number, row: EventRow) => void) {
    this.#clock = new Intl.DateTimeFormat("en-GB", {
      timeZone: timezone,
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      fractionalSecondDigits: 1,
    });
    this.#why = why;
    this.element = html("div", { class: "tail-box" }, this.#tools(), this.#list);
  }

  /** Replaces everything with rows of the log, oldest first. */
  restart(rows: readonly EventRow[]): void {
    this.#lines = [];
    this.add(rows);
    this.#dirty = true;
  }

  /** Adds rows in order; false when some are missing before them. */
  add(rows: readonly EventRow[]): boolean {
    const last = this.#lines.at(-1)?.row;
    const fresh = rows.filter((row) => last === undefined || row.seq > last.seq);
    const [first] = fresh;
    if (first === undefined) return true;
    const lines = fresh.map((row) => ({ row, ...eventWords(row.kind, row.body) }));
    this.#lines = [...this.#lines, ...lines].slice(-KEPT);
    this.#dirty = true;
    return last === undefined || first.seq === last.seq + 1;
  }

  /** Draws when something changed; called a few times a second, however many rows come. */
  draw(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    const shown = this.#lines.filter((line) => passes(line, this.#filter, this.#word));
    const newest = shown.slice(-DRAWN).reverse();
    this.#place(newest);
    const words = shown.length === this.#lines.length ? "" : ` of ${this.#lines.length}`;
    setText(this.#count, `${shown.length}${words} events`);
  }

  #place(lines: readonly Line[]): void {
    const before = this.#drawn;
    this.#drawn = new Map();
    for (const line of lines) {
      // With its time: a node that lost its log counts from 1 again.
      const key = `${line.row.seq} ${line.row.at}`;
      this.#drawn.set(key, before.get(key) ?? this.#line(line));
    }
    for (const [key, element] of before) if (!this.#drawn.has(key)) this.#focus.remove(element);
    let next = this.#list.firstElementChild;
    for (const element of this.#drawn.values()) {
      if (element === next) next = element.nextElementSibling;
      else this.#list.insertBefore(element, next);
    }
    this.#focus.settle();
  }

  #line({ row, group, text }: Line): HTMLElement {
    const time = html("time", { datetime: new Date(row.at).toISOString() });
    time.append(this.#clock.format(row.at));
    return html(
      "li",
      { class: `event event-${group}` },
      time,
      html("span", { class: "event-text" }, text),
      html("span", { class: "event-kind" }, kindText(row)),
      ...this.#ask(row, time.textContent ?? ""),
    );
  }

  #ask(row: EventRow, when: string): HTMLElement[] {
    const phase = phaseOfRow(row);
    if (phase === null) return [];
    const name = `Why, for phase ${phase} at ${when}?`;
    const attributes = { type: "button", class: "quiet-why event-why", "aria-label": name };
    const button = html("button", { ...attributes, tabindex: -1 }, "why?");
    button.addEventListener("click", () => this.#why(phase, row));
    return [button];
  }

  #tools(): HTMLElement {
    const buttons = FILTERS.map(([filter, text]) => {
      const button = html("button", { type: "button", "aria-pressed": filter === "all" }, text);
      button.setAttribute("aria-pressed", String(filter === this.#filter));
      button.addEventListener("click", () => {
        this.#filter = filter;
        for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
        this.#dirty = true;
        this.draw();
      });
      return button;
    });
    const search = html("input", {
      type: "search",
      placeholder: "phase 2 …",
      "aria-label": "Show only events that contain",
    });
    search.addEventListener("input", () => {
      this.#word = search.value.trim();
      this.#dirty = true;
      this.draw();
    });
    const chips = html("div", { class: "chips", role: "group", "aria-label": "Show" }, ...buttons);
    return html("div", { class: "tail-tools" }, chips, search, this.#count);
  }
}

/** The phase that a row is about, or null. */
export function phaseOfRow({ kind, body }: Pick<EventRow, "kind" | "body">): number | null {
  const [first, second] = body;
  const isPhase = kind === "code" && isPhaseCode(Number(first));
  if (isPhase || (kind === "order" && first === "hold")) return Number(second);
  return null;
}

/** The row's kind, for a code with its number. */
function kindText({ kind, body }: EventRow): string {
  return kind === "code" ? `code ${String(body[0])}` : kind;
}
