// A node for the page to look at: the real broker and the real console server, fed with pictures
// that a test scripts. The pictures say what the lamps are sensed to show; nothing here controls.
import type { Duplex } from "node:stream";
import type { Test } from "tap";
import { type Broker, createBroker } from "../../src/broker/broker.ts";
import type { ConsoleEvent, EventQuery } from "../../src/console/api.ts";
import { type Console, createConsole } from "../../src/console/server.ts";
import { darkDisplay, LAMP, type LampCode } from "../../src/core/site/lamps.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import type { NeighbourPicture } from "../../src/core/site/neighbours.ts";
import type { ControlView, PhaseView } from "../../src/core/site/view.ts";
import type { Command } from "../../src/wire/command.ts";
import type { Health } from "../../src/wire/health.ts";
import { restingPhase, restingView } from "../support/views.ts";
import { SECRET } from "./bench.ts";
import { FOUR_LEGS } from "./junctions.ts";

const BEAT_MS = 100;

/** Everything red, walks dark on "don't walk". */
export function allRed(site: SiteModel): LampCode[] {
  const display = darkDisplay();
  for (const { channel } of site.channels) display[channel - 1] = LAMP.red;
  return display;
}

/** A controlled junction at all red with every detector free; a test changes what it is about. */
export function quietView(site: SiteModel): ControlView {
  return restingView({
    commanded: allRed(site),
    sensed: allRed(site),
    phases: site.phases.map(({ phase }) => restingPhase(phase)),
    detectors: site.detectors.map(({ detector }) => ({ detector, on: false, failed: null })),
    pedestrianDetectors: site.pedestrianDetectors.map(({ detector }) => ({
      detector,
      on: false,
      failed: null,
    })),
    preempts: site.preempts.map(({ preempt }) => ({ preempt, on: false, state: "idle" })),
  });
}

/** The commands that came, and what they get for an answer: null is yes. */
interface Orders {
  readonly commands: Command[];
  refusal: string | null;
}

export interface FeedOptions {
  readonly site?: SiteModel;
  readonly port?: number;
  readonly incarnation?: number;
}

/** One run of the node: open it, change `view`, close it. */
export class Feed {
  readonly site: SiteModel;
  readonly orders: Orders;
  readonly rows: ConsoleEvent[] = [];
  readonly #broker: Broker;
  readonly #incarnation: number;
  readonly #bornMs = performance.now();
  #console: Console | null = null;
  #timer: NodeJS.Timeout | null = null;
  #view: ControlView;
  #sequence = 0;
  #neighbours: readonly NeighbourPicture[] = [];
  /** False: no pictures are sent, as when the control thread stands still. */
  beating = true;
  port = 0;

  private constructor(broker: Broker, orders: Orders, options: Required<FeedOptions>) {
    this.site = options.site;
    this.orders = orders;
    this.#broker = broker;
    this.#incarnation = options.incarnation;
    this.#view = quietView(options.site);
  }

  static async open(t: Pick<Test, "teardown">, options: FeedOptions = {}): Promise<Feed> {
    const filled = { site: FOUR_LEGS, port: 0, incarnation: 1, ...options };
    const orders: Orders = { commands: [], refusal: null };
    const broker = await createBroker({
      site: filled.site,
      secret: SECRET,
      onCommand: async (command) => {
        orders.commands.push(command);
        const reason = orders.refusal;
        return { id: command.id, ok: reason === null, reason, atMs: Date.now() };
      },
      onDetector: () => undefined,
      onEvent: () => undefined,
    });
    const feed = new Feed(broker, orders, filled);
    await feed.#listen(filled.port);
    t.teardown(() => feed.close());
    return feed;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  get view(): ControlView {
    return this.#view;
  }

  /** Shows a changed picture at once, and from then on with every beat. */
  show(change: Partial<ControlView>): void {
    this.#view = { ...this.#view, ...change };
    this.#beat();
  }

  /** Sets channels to codes, as sensed and as commanded. */
  lamps(codes: Readonly<Record<number, LampCode>>): void {
    const sensed = [...this.#view.sensed];
    for (const [channel, code] of Object.entries(codes)) sensed[Number(channel) - 1] = code;
    this.show({ sensed, commanded: sensed });
  }

  /** Changes one phase's view; times are given from now. */
  phase(number: number, change: Partial<PhaseView>): void {
    const phases = this.#view.phases.map((entry) =>
      entry.phase === number ? { ...entry, ...change } : entry,
    );
    this.show({ phases });
  }

  /** The control clock of this feed, ms. */
  get monoMs(): number {
    return performance.now() - this.#bornMs;
  }

  health(health: Health): void {
    this.#broker.publishHealth(health);
  }

  /** What it knows of its neighbours, from now on with every beat. */
  neighbours(neighbours: readonly NeighbourPicture[]): void {
    this.#neighbours = neighbours;
  }

  /** The virtual street's lanes. */
  street(lanes: unknown): void {
    this.#broker.publishStreet(lanes);
  }

  /** A committed row. */
  event(kind: string, body: readonly (string | number | boolean | null)[]): void {
    const row = { seq: this.rows.length + 1, at: Date.now(), kind, body };
    this.rows.push(row);
    this.#broker.publishEvents([row]);
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#console?.close();
    this.#console = null;
    await this.#broker.close();
  }

  #beat(): void {
    if (!this.beating) return;
    this.#sequence += 1;
    this.#broker.publishView({
      ...this.#view,
      incarnation: this.#incarnation,
      sequence: this.#sequence,
      monoMs: this.monoMs,
      wallMs: Date.now(),
    });
    const neighbours = this.#neighbours;
    if (neighbours.length > 0) this.#broker.publishNeighbours({ wallMs: Date.now(), neighbours });
  }

  async #listen(port: number): Promise<void> {
    const page = createConsole({
      listen: { address: "127.0.0.1", port },
      secret: SECRET,
      corridor: this.site.corridor ?? [],
      sources: {
        site: () => this.site,
        problems: () => [],
        alive: () => ({ ok: true, reason: null }),
        health: async () => ({}),
        orders: () => this.#view.orders ?? null,
        metricsText: async () => "",
        events: async (query) => this.#rows(query),
        reload: async () => ({ ok: true, problems: [] }),
      },
      onWebSocket: (stream: Duplex) =>
        this.#broker.handleWebSocket(stream, { role: "reader", via: "console" }),
      log: () => undefined,
    });
    const opened = await page.listen();
    if (!opened.ok) throw new Error(opened.reason);
    this.#console = page;
    this.port = opened.port;
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
    this.#beat();
  }

  #rows({ from, kinds, sinceMs, limit }: EventQuery): ConsoleEvent[] {
    const rows = from === null ? this.rows : this.rows.filter(({ seq }) => seq >= from);
    if (from !== null) return rows.slice(0, limit);
    return rows
      .filter((row) => kinds.length === 0 || kinds.includes(row.kind))
      .filter((row) => sinceMs === null || row.at >= sinceMs)
      .slice(-limit);
  }
}
