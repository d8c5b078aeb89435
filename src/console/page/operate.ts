// What an operator may ask of the junction: calls, holds, plans, priority, the failure display and
// the return from it. Each asks again before it is sent, and says what became of it; what is in
// force stands below. The controller and the layers under it decide; nothing here shortens a
// minimum or a clearance.
import { randomHex } from "./link.ts";
import { confirmToken, isNetwork, tokenField } from "./login.ts";
import type { Reply } from "./messages.ts";
import { type Ordered, type OrderLine, OrdersList } from "./orders.ts";
import {
  callQuestion,
  flashQuestion,
  holdQuestion,
  planQuestion,
  priorityQuestion,
  type Question,
  releaseQuestion,
  returnQuestion,
  scheduleQuestion,
} from "./questions.ts";
import type { Site, SitePhase } from "./site.ts";
import { html, setAttribute, setText } from "./svg.ts";

/** A command that nobody answered by then was perhaps never heard. */
const ANSWER_MS = 10_000;
const LIFE_MS = 30_000;

export interface OperatePorts {
  /** True while a command can reach the node by somebody who may give it. */
  mayAct(): boolean;
  publish(topic: string, payload: string): void;
  /** The node's wall clock, ms; its own where the node's is not known. */
  wallMs(): number;
  announce(text: string): void;
}

interface Pending {
  readonly line: HTMLElement;
  readonly name: string;
  readonly timer: number;
}

export class Operate {
  readonly element: HTMLElement;
  readonly #site: Site;
  readonly #ports: OperatePorts;
  readonly #pending = new Map<string, Pending>();
  readonly #buttons: HTMLButtonElement[] = [];
  readonly #note = html("p", { class: "operate-note" });
  readonly #replies = html("ol", { class: "replies", "aria-label": "Answers to commands" });
  readonly #dialog: HTMLDialogElement;
  readonly #title = html("h2", { id: "ask-title" });
  readonly #text = html("p", { id: "ask-text" });
  readonly #fields = html("div", { class: "ask-fields" });
  readonly #orders: OrdersList;
  readonly #yes = html("button", { type: "button", class: "primary" });
  #question: Question | null = null;
  #token: HTMLInputElement | null = null;

  constructor(site: Site, ports: OperatePorts) {
    this.#site = site;
    this.#ports = ports;
    this.#dialog = this.#makeDialog();
    this.#orders = new OrdersList(site.timezone, (end) => this.#ask(this.#endOf(end)));
    this.element = html(
      "div",
      { class: "operate" },
      this.#note,
      this.#callRow(),
      this.#modeRow(),
      this.#orders.element,
      this.#replies,
      this.#dialog,
    );
  }

  /** What is in force; null for nothing. */
  show(orders: Ordered | null): void {
    this.#orders.show(orders);
  }

  /** Says who may act, and lets the buttons follow. */
  update(note: string): void {
    setText(this.#note, note);
    const may = this.#ports.mayAct();
    setAttribute(this.#note, "data-may", may ? "" : null);
    for (const button of this.#buttons) {
      if (button.disabled === may) button.disabled = !may;
    }
    this.#orders.update(this.#ports.wallMs(), may);
  }

  /** Takes an answer in; one to somebody else's command is passed over. */
  answer(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    clearTimeout(pending.timer);
    this.#pending.delete(reply.id);
    const words = reply.ok ? "done" : `refused: ${reply.reason ?? "no reason given"}`;
    this.#settle(pending, words, reply.ok ? "ok" : "failed");
  }

  #settle({ line, name }: Pending, words: string, state: string): void {
    line.dataset.state = state;
    setText(line, `${name}: ${words}`);
    this.#ports.announce(`${name}: ${words}`);
  }

  #button(text: string, ask: () => Question): HTMLButtonElement {
    const button = html("button", { type: "button", disabled: true }, text);
    button.addEventListener("click", () => this.#ask(ask()));
    this.#buttons.push(button);
    return button;
  }

  #callRow(): HTMLElement {
    const select = html(
      "select",
      { "aria-label": "Phase of the call" },
      ...this.#site.phases.map(({ phase, name }) =>
        html("option", { value: phase }, `${phase} · ${name}`),
      ),
    );
    const chosen = (): SitePhase => {
      const found = this.#site.phases.find(({ phase }) => String(phase) === select.value);
      if (found === undefined) throw new Error(`no phase ${select.value}`);
      return found;
    };
    const walk = this.#button("Pedestrian call", () => callQuestion(chosen(), true));
    const follow = () => {
      walk.hidden = this.#site.phases.length === 0 || chosen().pedestrian === null;
    };
    select.addEventListener("change", follow);
    follow();
    return html(
      "div",
      { class: "operate-row" },
      select,
      this.#button("Vehicle call", () => callQuestion(chosen(), false)),
      walk,
      this.#button("Hold", () => holdQuestion(chosen())),
      this.#button("Priority", () => priorityQuestion(chosen())),
    );
  }

  #modeRow(): HTMLElement {
    const flash = this.#button("Go to flash", flashQuestion);
    const back = this.#button("Return to control", returnQuestion);
    flash.classList.add("danger");
    const plan = () => this.#button("Plan", () => planQuestion(this.#site));
    const plans = this.#site.plans.length === 0 ? [] : [plan()];
    return html("div", { class: "operate-row" }, ...plans, flash, back);
  }

  #endOf(end: NonNullable<OrderLine["end"]>): Question {
    if (end === "flash") return returnQuestion();
    if (end === "plan") return scheduleQuestion();
    return releaseQuestion(this.#orders.orders?.hold?.phase ?? 0);
  }

  #makeDialog(): HTMLDialogElement {
    const no = html("button", { type: "button", autofocus: true }, "Cancel");
    const dialog = html(
      "dialog",
      { "aria-labelledby": "ask-title", "aria-describedby": "ask-text" },
      this.#title,
      this.#text,
      this.#fields,
      html("div", { class: "dialog-buttons" }, no, this.#yes),
    );
    no.addEventListener("click", () => dialog.close());
    this.#yes.addEventListener("click", () => {
      dialog.close();
      if (this.#question !== null) this.#confirmed(this.#question);
    });
    return dialog;
  }

  #ask(question: Question): void {
    this.#question = question;
    setText(this.#title, question.title);
    setText(this.#text, question.text);
    setText(this.#yes, question.action);
    const asks = isNetwork() && question.asksToken === true;
    this.#token = asks ? tokenField() : null;
    const token = this.#token === null ? [] : [this.#token];
    this.#fields.replaceChildren(...(question.fields ?? []), ...token);
    this.#yes.classList.toggle("danger", question.action === "Go to flash");
    this.#dialog.showModal();
  }

  /** Over the network the token is shown again for what moves the whole junction. */
  #confirmed(question: Question): void {
    if (this.#token === null) {
      this.#send(question);
      return;
    }
    const token = this.#token.value.trim();
    this.#token.value = "";
    confirmToken(token).then(
      (refusal) => {
        if (refusal === null) this.#send(question);
        else this.#ports.announce(`Not sent: ${refusal}`);
        if (refusal !== null) this.#replies.prepend(refusedLine(refusal));
      },
      () => this.#replies.prepend(refusedLine("the node does not answer")),
    );
  }

  #send({ title, body }: Question): void {
    const name = title.replace(/\?$/, "");
    const line = html("li", { "data-state": "pending" }, `${name}: sent`);
    this.#replies.prepend(line);
    while (this.#replies.children.length > 4) this.#replies.lastElementChild?.remove();
    if (!this.#ports.mayAct()) {
      this.#settle({ line, name, timer: 0 }, "not sent, the connection is lost", "failed");
      return;
    }
    const id = randomHex(16);
    const issued = Math.round(this.#ports.wallMs());
    const timer = window.setTimeout(() => {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      const words = "no answer; look at the events before you repeat it";
      if (pending !== undefined) this.#settle(pending, words, "failed");
    }, ANSWER_MS);
    this.#pending.set(id, { line, name, timer });
    const command = { version: 1, id, issued, expires: issued + LIFE_MS, ...body(issued) };
    this.#ports.publish(`${this.#site.topicPrefix}command/${id}`, JSON.stringify(command));
  }
}

function refusedLine(reason: string): HTMLElement {
  return html("li", { "data-state": "failed" }, `Not sent: ${reason}`);
}
