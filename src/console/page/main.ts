// The console page: asks the node what the junction is, draws it, and keeps it up to date over
// MQTT. Everything it shows about lamps comes from SPaT, which is made from the sensed lamps.
import { readDetector } from "./cbor.ts";
import { HealthPanel } from "./health.ts";
import { codeRow, History } from "./history.ts";
import { Junction } from "./junction.ts";
import { type Line, Link } from "./link.ts";
import { currentLogin, isNetwork, type Login, logout, showLogin } from "./login.ts";
import { parseHealth, parseNeighbours, parseReply, parseSpat, type Spat } from "./messages.ts";
import { NeighboursPanel } from "./neighbours.ts";
import { Operate } from "./operate.ts";
import { parseOrders } from "./orders.ts";
import { Picture } from "./picture.ts";
import { Rings } from "./rings.ts";
import { type EventRow, readEvents } from "./rows.ts";
import { forgetSecret, takeSecret } from "./secret.ts";
import type { Site, SiteAnswer } from "./site.ts";
import { announce, Status } from "./status.ts";
import { parseStreet } from "./street.ts";
import { Strip } from "./strip.ts";
import { byId, html, setText } from "./svg.ts";
import { Tail } from "./tail.ts";
import { startTheme } from "./theme.ts";
import { Why } from "./why.ts";

const TICK_MS = 250;
/** How far back the strip can look. */
const HISTORY_MS = 600_000;
/** Rows that these minutes have on a busy junction. */
const HISTORY_ROWS = 6_000;
const TAIL_ROWS = 400;
/** A tail with a hole is fetched anew, but not more often than this. */
const MEND_MS = 5_000;
const RETRY_MS = 2_000;
/** The session hears of a person at most this often. */
const TOUCH_MS = 60_000;
const AGAIN_MS = 60_000;

class Page {
  readonly #site: Site;
  /** The answer of `/api/site` as it came, to see whether a restarted node is still this one. */
  readonly #siteText: string;
  readonly #picture = new Picture();
  readonly #history: History;
  readonly #junction: Junction;
  readonly #rings: Rings;
  readonly #strip: Strip;
  readonly #tail: Tail;
  readonly #health = new HealthPanel();
  readonly #neighbours = new NeighboursPanel();
  readonly #operate: Operate;
  readonly #status: Status;
  readonly #link: Link;
  readonly #why: Why;
  readonly #decoder = new TextDecoder();
  #loginRefused = false;
  #wasLost = false;
  #last: Spat | null = null;
  #againTimer = 0;
  #tailHasHole = false;
  #mendedMs = Number.NEGATIVE_INFINITY;
  #drawnStripMs = 0;

  readonly #login: Login | null;

  constructor(site: Site, siteText: string, login: Login | null) {
    this.#login = login;
    const secret = isNetwork() ? null : takeSecret();
    const mayAct = login?.role === "operator";
    this.#site = site;
    this.#siteText = siteText;
    const clearances = new Map(site.phases.map((phase) => [phase.phase, phase.redClearanceMs]));
    this.#history = new History(clearances, HISTORY_MS);
    this.#junction = new Junction(site);
    this.#why = new Why(site, fetchEvents);
    this.#rings = new Rings(site, (phase) => {
      this.#why.askNow(phase, this.#wallMs()).catch(() => undefined);
    });
    this.#strip = new Strip(site, this.#history);
    this.#tail = new Tail(site.timezone, (phase, row) => {
      this.#why.askRow(phase, row).catch(() => undefined);
    });
    this.#status = new Status(site.timezone);
    this.#link = new Link(
      this.#filters(),
      { secret, mayAct },
      {
        onLine: (line) => this.#onLine(line),
        onMessage: (topic, payload) => this.#onMessage(topic, payload),
        onLoginRefused: () => {
          forgetSecret();
          this.#loginRefused = true;
        },
      },
    );
    this.#operate = new Operate(site, {
      mayAct: () => this.#link.operator && this.#picture.connected,
      publish: (topic, payload) => this.#link.publish(topic, payload),
      wallMs: () => this.#wallMs(),
      announce,
    });
  }

  open(): void {
    setText(byId("site-name"), this.#site.name);
    const { region, zone, id } = this.#site.node;
    setText(byId("site-node"), `${region} / ${zone} / ${id}`);
    byId("virtual").hidden = !this.#site.virtual;
    byId("to-corridor").hidden = !this.#site.corridor;
    document.title = `${this.#site.name} · Stopline`;
    byId("junction").replaceChildren(this.#junction.element);
    byId("rings").replaceChildren(this.#rings.element);
    byId("strip").replaceChildren(this.#strip.element);
    byId("tail").replaceChildren(this.#tail.element);
    byId("health").replaceChildren(this.#health.element);
    byId("operate").replaceChildren(this.#operate.element);
    document.body.append(this.#why.element);
    this.#follow(byId("junction"), (width, height) => this.#junction.resize(width, height));
    this.#follow(byId("strip"), (width) => {
      this.#strip.resize(width);
      this.#drawnStripMs = 0;
    });
    if (this.#login !== null) this.#stayLoggedIn();
    this.#link.open();
    setInterval(() => this.#draw(), TICK_MS);
    document.addEventListener("visibilitychange", () => this.#draw());
    this.#draw();
  }

  /** The connection ends with the session: then the page asks for the token. */
  #askWhetherLoggedIn(): void {
    currentLogin().then(
      (login) => {
        if (login === null) location.reload();
      },
      () => undefined,
    );
  }

  /** A person at the page keeps the session; without one it ends. */
  #stayLoggedIn(): void {
    const button = html("button", { type: "button", class: "quiet" }, "Log out");
    button.addEventListener("click", () => void logout());
    byId("theme").before(button);
    let seenMs = performance.now();
    const look = (): void => {
      if (performance.now() - seenMs < TOUCH_MS) return;
      seenMs = performance.now();
      this.#askWhetherLoggedIn();
    };
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, look);
  }

  /** The node's wall clock, ms; our own where the node's is not known. */
  #wallMs(): number {
    return this.#picture.wallMs(performance.now()) ?? Date.now();
  }

  #filters(): string[] {
    const names = [
      "spat/json",
      "health/json",
      "state/json",
      "detector/+",
      "events",
      "street/json",
      "reply/+/json",
    ];
    return names.map((name) => this.#site.topicPrefix + name);
  }

  #follow(element: HTMLElement, resize: (width: number, height: number) => void): void {
    const fit = () => {
      const { clientWidth, clientHeight } = element;
      if (clientWidth > 0 && clientHeight > 0) resize(clientWidth, clientHeight);
    };
    new ResizeObserver(fit).observe(element);
    fit();
  }

  #onLine(line: Line): void {
    const connected = line === "connected";
    if (line === "lost" && this.#login !== null) this.#askWhetherLoggedIn();
    if (connected === this.#picture.connected && !connected) {
      this.#draw();
      return;
    }
    this.#picture.connected = connected;
    if (connected) {
      this.#picture.restart();
      this.#refresh().catch(() => undefined);
    } else {
      const wallMs = this.#picture.wallMs(performance.now());
      if (wallMs !== null) this.#history.lose(wallMs);
      this.#wasLost = true;
      this.#junction.vehicles.show([]);
    }
    this.#draw();
  }

  /** After a connection: is it still the same junction, and what happened meanwhile? */
  async #refresh(): Promise<void> {
    if (this.#wasLost) {
      const text = await fetchText("/api/site");
      if (text !== this.#siteText) location.reload();
    }
    const since = Date.now() - HISTORY_MS;
    const [codes, tail] = await Promise.all([
      fetchEvents(`kind=code&since=${since}&limit=${HISTORY_ROWS}`),
      fetchEvents(`limit=${TAIL_ROWS}`),
    ]);
    await this.#refreshOrders();
    this.#history.restart((codes ?? []).map(codeRow));
    const spat = this.#picture.spat;
    if (spat !== null) this.#history.take(spat);
    this.#showTail(tail);
    this.#drawnStripMs = 0;
    this.#draw();
  }

  #onMessage(topic: string, payload: Uint8Array): void {
    const name = topic.slice(this.#site.topicPrefix.length);
    if (name.startsWith("detector/")) {
      const state = readDetector(payload);
      if (state !== null) this.#picture.detectors.set(name.slice("detector/".length), state);
    } else if (name === "events") {
      const rows = readEvents(payload);
      if (!this.#tail.add(rows)) this.#tailHasHole = true;
      if (rows.some(({ kind }) => kind === "order")) {
        this.#refreshOrders().catch(() => undefined);
      }
      return;
    } else this.#onJson(name, this.#decoder.decode(payload));
    this.#drawLive();
  }

  async #refreshOrders(): Promise<void> {
    this.#operate.show(parseOrders(await fetchText("/api/orders")));
    this.#operate.update(this.#operateNote());
  }

  /** The broker leaves rows out when too many come at once; the log has them. */
  async #mendTail(nowMs: number): Promise<void> {
    if (!this.#tailHasHole || nowMs - this.#mendedMs < MEND_MS) return;
    this.#tailHasHole = false;
    this.#mendedMs = nowMs;
    this.#showTail(await fetchEvents(`limit=${TAIL_ROWS}`));
  }

  /** Null: the log did not answer; what is there stays, and it is asked again. */
  #showTail(rows: readonly EventRow[] | null): void {
    if (rows === null) this.#tailHasHole = true;
    else this.#tail.restart(rows);
  }

  #onJson(name: string, text: string): void {
    if (name === "spat/json") this.#onSpat(text);
    else if (name === "health/json") this.#picture.health = parseHealth(text);
    else if (name === "state/json") this.#picture.neighbours = parseNeighbours(text);
    else if (name === "street/json") {
      const lanes = parseStreet(text);
      if (lanes !== null) this.#junction.vehicles.show(lanes);
    } else if (name.startsWith("reply/")) {
      const reply = parseReply(text);
      if (reply !== null) this.#operate.answer(reply);
    }
  }

  #onSpat(text: string): void {
    const spat = parseSpat(text);
    if (spat === null || !this.#picture.take(spat, performance.now())) return;
    this.#history.take(spat);
    const restarted =
      this.#last !== null &&
      (spat.incarnation !== this.#last.incarnation || spat.sequence < this.#last.sequence);
    if (this.#wasLost) this.#sayAgain(restarted ? "Node restarted" : "Connected again");
    this.#wasLost = false;
    this.#last = spat;
  }

  /** What happened while the page could not see it, for as long as somebody may wonder. */
  #sayAgain(text: string): void {
    announce(text);
    setText(byId("again"), text);
    clearTimeout(this.#againTimer);
    this.#againTimer = window.setTimeout(() => setText(byId("again"), ""), AGAIN_MS);
  }

  #drawLive(): void {
    if (document.visibilityState === "hidden") return;
    const nowMs = performance.now();
    this.#junction.update(this.#picture, nowMs);
    this.#rings.update(this.#picture, nowMs);
    this.#status.update(this.#picture, nowMs);
  }

  #draw(): void {
    const nowMs = performance.now();
    this.#drawLive();
    if (document.visibilityState === "hidden") return;
    this.#health.update(this.#picture.health);
    this.#neighbours.update(this.#picture.neighbours);
    this.#operate.update(this.#operateNote());
    this.#mendTail(nowMs).catch(() => undefined);
    this.#tail.draw();
    const wallMs = this.#picture.wallMs(nowMs);
    if (wallMs === null || nowMs - this.#drawnStripMs < 2 * TICK_MS) return;
    this.#drawnStripMs = nowMs;
    this.#strip.draw(wallMs);
  }

  #operateNote(): string {
    if (this.#login !== null) return loginNote(this.#login, this.#picture.connected);
    if (this.#loginRefused) {
      return "This node does not know the secret of your address; you can look, not act.";
    }
    if (!this.#link.operator) {
      return "You can look. To act, open the address that the node printed when it started.";
    }
    if (!this.#picture.connected) return "Not connected: nothing can be sent.";
    return "You are the operator. Each command asks again and is kept in the log.";
  }
}

function loginNote({ name, role }: Login, connected: boolean): string {
  if (!connected) return "Not connected: nothing can be sent.";
  const who = `You are logged in as ${name}`;
  if (role === "reader") return `${who}: you can look, not act.`;
  return `${who}. Each command asks again and is kept in the log with that name.`;
}

async function fetchText(path: string): Promise<string> {
  const response = await fetch(path, { cache: "no-store" });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return await response.text();
}

async function fetchEvents(query: string): Promise<EventRow[] | null> {
  try {
    const answer = JSON.parse(await fetchText(`/api/events?${query}`)) as { events: EventRow[] };
    return answer.events;
  } catch {
    return null;
  }
}

/** A node without a site runs its console and nothing else; the page says why. */
function showProblems(problems: readonly string[]): void {
  byId("problems").hidden = false;
  byId("board").hidden = true;
  byId("problem-list").replaceChildren(...problems.map((text) => html("li", {}, text)));
  setTimeout(() => location.reload(), 10_000);
}

async function start(): Promise<void> {
  startTheme();
  const login = isNetwork() ? await currentLogin() : null;
  if (isNetwork() && login === null) {
    showLogin(byId("board"));
    return;
  }
  const text = await fetchText("/api/site");
  const { site, problems } = JSON.parse(text) as SiteAnswer;
  if (site === null) showProblems(problems);
  else new Page(site, text, login).open();
}

function startUntilItWorks(): void {
  start().catch(() => {
    setText(byId("belief-word"), "The node does not answer, trying again");
    setTimeout(startUntilItWorks, RETRY_MS);
  });
}

startUntilItWorks();
