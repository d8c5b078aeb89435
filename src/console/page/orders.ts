// What operators have ordered and what of it is in force: who, until when, and the way back. Asked
// of the node whenever the log says that something about it has changed.
import type { OrdersView } from "../../core/site/view.ts";
import { html, setText } from "./svg.ts";

export type Ordered = OrdersView;

/** One line: what is in force, and by which command it ends. */
export interface OrderLine {
  readonly what: string;
  readonly who: string;
  readonly untilMs: number | null;
  readonly end: "flash" | "hold" | "plan" | null;
}

function isView(value: unknown): value is OrdersView {
  const view = value as Partial<OrdersView> | null;
  return typeof view === "object" && view !== null && Array.isArray(view.priorities);
}

/** The body of `/api/orders`; null for nothing in force, or nothing that this page understands. */
export function parseOrders(text: string): OrdersView | null {
  try {
    const { orders } = JSON.parse(text) as { orders?: unknown };
    return isView(orders) ? orders : null;
  } catch {
    return null;
  }
}

/** The lines, those that hold the whole junction first. */
export function orderLines(orders: OrdersView | null): OrderLine[] {
  if (orders === null) return [];
  const { flash, hold, plan, priorities } = orders;
  const lines: OrderLine[] = [];
  const add = (what: string, by: typeof flash, end: OrderLine["end"]): void => {
    if (by !== null) lines.push({ what, who: by.author, untilMs: by.untilWallMs, end });
  };
  add("Flash", flash, "flash");
  add(plan?.plan === "free" ? "No plan, free" : `Plan ${plan?.plan}`, plan, "plan");
  add(`Hold of phase ${hold?.phase}`, hold, "hold");
  for (const entry of priorities) add(`Priority for phase ${entry.phase}`, entry, null);
  return lines;
}

const ENDS: Readonly<Record<NonNullable<OrderLine["end"]>, string>> = {
  flash: "Return to control",
  hold: "Let go",
  plan: "Back to schedule",
};

/** The same minute of the same day is enough for a plan; a hold counts down. */
function whenText(untilMs: number | null, nowMs: number, clock: Intl.DateTimeFormat): string {
  if (untilMs === null) return "until somebody ends it";
  const leftS = Math.max(0, Math.ceil((untilMs - nowMs) / 1000));
  return leftS <= 120 ? `${leftS} s left` : `until ${clock.format(untilMs)}`;
}

interface Shown {
  readonly line: OrderLine;
  readonly when: HTMLElement;
}

export class OrdersList {
  readonly element = html("ul", { class: "orders", "aria-label": "Orders in force" });
  readonly #clock: Intl.DateTimeFormat;
  readonly #onEnd: (end: NonNullable<OrderLine["end"]>) => void;
  #shown: readonly Shown[] = [];
  #buttons: readonly HTMLButtonElement[] = [];
  orders: OrdersView | null = null;

  constructor(timezone: string, onEnd: (end: NonNullable<OrderLine["end"]>) => void) {
    this.#clock = new Intl.DateTimeFormat("en-GB", {
      timeZone: timezone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
    });
    this.#onEnd = onEnd;
  }

  show(orders: OrdersView | null): void {
    this.orders = orders;
    const buttons: HTMLButtonElement[] = [];
    this.#shown = orderLines(orders).map((line) => ({ line, when: html("span") }));
    const items = this.#shown.map(({ line, when }) => {
      const text = html("p", {}, html("strong", {}, line.what), html("br"));
      text.append(`${line.who}, `, when);
      const item = html("li", {}, text);
      const { end } = line;
      if (end === null) return item;
      const button = html("button", { type: "button", class: "quiet" }, ENDS[end]);
      button.addEventListener("click", () => this.#onEnd(end));
      buttons.push(button);
      item.append(button);
      return item;
    });
    this.#buttons = buttons;
    this.element.replaceChildren(...items);
  }

  update(nowMs: number, may: boolean): void {
    for (const { line, when } of this.#shown) {
      setText(when, whenText(line.untilMs, nowMs, this.#clock));
    }
    for (const button of this.#buttons) if (button.disabled === may) button.disabled = !may;
  }
}
