// One junction of the corridor as this page hears it: its lights, its links and its street, from
// its own console, as a reader.
import { codeRow, History } from "./history.ts";
import { Link } from "./link.ts";
import { parseHealth, parseNeighbours, parseSpat } from "./messages.ts";
import { Picture } from "./picture.ts";
import type { EventRow } from "./rows.ts";
import type { Site, SiteAnswer } from "./site.ts";
import { parseStreet, type StreetLane } from "./street.ts";
import { Trajectories } from "./trajectories.ts";

/** What the diagram shows, and some more. */
export const KEEP_MS = 300_000;
const HISTORY_ROWS = 3_000;
const RETRY_MS = 3_000;

export class Member {
  /** Of its console: `http://127.0.0.1:8080`. */
  readonly origin: string;
  readonly picture = new Picture();
  readonly trajectories = new Trajectories(KEEP_MS);
  /** The lanes of the newest picture of its street. */
  lanes: readonly StreetLane[] = [];
  site: Site | null = null;
  history: History | null = null;
  /** Why nothing is known of it, or null. */
  trouble: string | null = "not asked yet";
  readonly #decoder = new TextDecoder();
  readonly #onChange: () => void;

  constructor(origin: string, onChange: () => void) {
    this.origin = origin;
    this.#onChange = onChange;
  }

  /** Asks until it answers; never gives up. */
  open(): void {
    this.#ask().catch(() => {
      this.trouble = "its console does not answer";
      this.#onChange();
      setTimeout(() => this.open(), RETRY_MS);
    });
  }

  async #ask(): Promise<void> {
    const answer = (await this.#fetch("/api/site")) as SiteAnswer;
    if (answer.site === null) throw new Error("no site");
    const { site } = answer;
    this.site = site;
    this.trouble = null;
    const clearances = new Map(site.phases.map((phase) => [phase.phase, phase.redClearanceMs]));
    this.history = new History(clearances, KEEP_MS);
    const names = ["spat/json", "health/json", "state/json", "street/json"];
    const filters = names.map((name) => site.topicPrefix + name);
    const events = {
      onLine: (line: string) => this.#onLine(line === "connected"),
      onMessage: (topic: string, payload: Uint8Array) =>
        this.#onMessage(topic.slice(site.topicPrefix.length), this.#decoder.decode(payload)),
      onLoginRefused: () => undefined,
    };
    new Link(filters, { secret: null, mayAct: false }, events, this.origin).open();
    this.#onChange();
  }

  #onLine(connected: boolean): void {
    if (connected && !this.picture.connected) {
      this.picture.restart();
      this.#past().catch(() => undefined);
    }
    if (!connected && this.picture.connected) {
      const wallMs = this.picture.wallMs(performance.now());
      if (wallMs !== null) this.history?.lose(wallMs);
      this.lanes = [];
    }
    this.picture.connected = connected;
    this.#onChange();
  }

  async #past(): Promise<void> {
    const since = Date.now() - KEEP_MS;
    const query = `kind=code&since=${since}&limit=${HISTORY_ROWS}`;
    const { events } = (await this.#fetch(`/api/events?${query}`)) as { events: EventRow[] };
    this.history?.restart(events.map(codeRow));
    const { spat } = this.picture;
    if (spat !== null) this.history?.take(spat);
  }

  #onMessage(name: string, text: string): void {
    if (name === "spat/json") {
      const spat = parseSpat(text);
      if (spat !== null && this.picture.take(spat, performance.now())) this.history?.take(spat);
    } else if (name === "health/json") this.picture.health = parseHealth(text);
    else if (name === "state/json") this.picture.neighbours = parseNeighbours(text);
    else if (name === "street/json") this.#onStreet(parseStreet(text));
  }

  #onStreet(lanes: readonly StreetLane[] | null): void {
    const wallMs = this.picture.wallMs(performance.now());
    if (lanes === null || wallMs === null) return;
    this.lanes = lanes;
    this.trajectories.take(lanes, wallMs);
  }

  async #fetch(path: string): Promise<unknown> {
    const response = await fetch(this.origin + path, { cache: "no-store" });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return await response.json();
  }
}
