// The service thread of a simulated node without its sockets: the same door to the log, the same
// judge of commands, orders to control over the same messages. Its clients are the simulator's.
import type { Peer } from "../broker/access.ts";
import { Commands } from "../broker/commands.ts";
import { Counting } from "../broker/counters.ts";
import type { SiteModel } from "../core/site/model.ts";
import type { ControlView } from "../core/site/view.ts";
import { type CommittedRows, LogDoor } from "../log/door.ts";
import type { FromService, ServiceData, ToService } from "../node/messages.ts";
import { type Command, decodeReply, type Reply } from "../wire/command.ts";
import { topicsOf } from "../wire/topics.ts";
import type { WorkerCode, WorkerPlace } from "./process.ts";
import type { Reader, ReaderPlace } from "./reader.ts";

/** Control answers within a tick; after this the order counts as not done. */
const ORDER_PATIENCE_MS = 5_000;

const OPERATOR: Peer = {
  id: "operator-1",
  role: "operator",
  name: null,
  via: "mqtt",
  clean: true,
  rules: { publish: [], subscribe: [], deny: [] },
  granted: new Set(),
};

/** What the simulator hears of a service thread. */
export interface ServiceWatch {
  readonly onBegin: (service: SimService) => void;
  /** An accepted command goes to control. */
  readonly onOrder: (command: Command) => void;
  readonly onReply: (reply: Reply) => void;
  readonly onCommitted: (rows: CommittedRows) => void;
  readonly reader: Reader;
  readonly onPage: ReaderPlace["onPage"];
}

interface Asked {
  readonly settle: (refusal: string | null) => void;
}

export class SimService {
  readonly log: LogDoor;
  view: ControlView | null = null;
  readonly #place: WorkerPlace;
  readonly #commands: Commands;
  readonly #orders = new Map<number, Asked>();
  #token = 0;

  constructor(place: WorkerPlace, site: SiteModel, watch: ServiceWatch) {
    const { timers } = place.thread;
    this.#place = place;
    this.log = new LogDoor((command) => {
      watch.onOrder(command);
      return this.#order(command);
    }, timers);
    this.log.onCommitted = (rows) => {
      watch.onCommitted(rows);
      watch.reader.offer(rows);
    };
    watch.reader.begin({ log: this.log, timers, onPage: watch.onPage });
    this.#commands = new Commands({
      topics: topicsOf(site.node),
      counting: new Counting(),
      publish: (_kind, { payload }) => watch.onReply(decodeReply(payload)),
      hasListener: () => false,
      onCommand: (command) => this.log.run(command),
      clock: () => this.view?.clock ?? "unsure",
      wallMs: () => timers.wallMs(),
    });
  }

  /** A client's PUBLISH on the command topic, or one of the node's own console. */
  publish(id: string, payload: Buffer, via: Peer["via"] = OPERATOR.via): void {
    this.#commands.receive({ ...OPERATOR, via }, id, { payload, retain: false });
  }

  /** A client's report of a detector. */
  report(detector: number, on: boolean): void {
    this.#place.thread.deliver(() =>
      this.#tell({ kind: "detector", input: { kind: "detector", detector, on } }),
    );
  }

  take(message: ToService): void {
    switch (message.kind) {
      case "view":
        this.view = message.view;
        break;
      case "log-port":
        this.log.attach(message.port);
        break;
      case "ordered":
        this.#orders.get(message.token)?.settle(message.refusal);
        break;
      case "stop":
        this.log.detach();
        this.#place.exit();
        break;
      case "mesh-port":
        // Nobody is seen here: sightings of the simulator go into the mesh thread by themselves.
        message.port.close();
        break;
      case "street":
      case "node":
      case "mesh":
      case "revoked":
      case "reloaded":
      case "notice":
      case "zone-orders":
      case "spans":
        break;
    }
  }

  async #order({ body, author }: Command): Promise<string | null> {
    this.#token += 1;
    const token = this.#token;
    const { timers } = this.#place.thread;
    return await new Promise((resolve) => {
      const settle = (refusal: string | null): void => {
        timer.cancel();
        this.#orders.delete(token);
        resolve(refusal);
      };
      const timer = timers.after(ORDER_PATIENCE_MS, () => settle("control did not answer"));
      this.#orders.set(token, { settle });
      this.#tell({ kind: "order", token, order: body, author });
    });
  }

  #tell(message: FromService): void {
    this.#place.tell(message);
  }
}

/** The thread's code for a process. */
export function serviceCode(watch: ServiceWatch): WorkerCode {
  return (place) => {
    const { site } = place.data as ServiceData;
    if (site === null) throw new Error("a simulated node has a site");
    const service = new SimService(place, site, watch);
    watch.onBegin(service);
    place.tell({ kind: "ready", consoleUrl: null, mqtt: [], problems: [] } satisfies FromService);
    return (message) => service.take(message as ToService);
  };
}
