// Rows of the event log read in order up to a moment, and what is remembered of them: for every
// phase its stage, its newest green and what called it; what operators ordered; the plan; what the
// layers below did. Pure; `why.ts` makes sentences of it.

/** One row of the log; a body is positional, as the log's kinds have it. */
export interface WhyRow {
  readonly seq: number;
  /** Wall time, ms. */
  readonly at: number;
  readonly kind: string;
  readonly body: readonly unknown[];
}

/** Which detectors call which phases: what a site file knows and the log does not. */
export interface WhyWiring {
  readonly detectors: readonly { readonly detector: number; readonly call: readonly number[] }[];
  readonly buttons: readonly { readonly detector: number; readonly phase: number }[];
}

export type Stage = "green" | "yellow" | "red-clearance" | "red";

/** What lies behind a call: the row that brought it. */
export interface Call {
  readonly row: WhyRow;
  readonly from: WhyRow | null;
}

export interface Green {
  readonly begin: WhyRow;
  readonly call: Call | null;
  readonly walkCall: Call | null;
  /** Ends of the greens that had to be over before it: rows of codes 4, 5 and 6. */
  readonly after: readonly WhyRow[];
  /** The preemption that took the junction, if it was one. */
  readonly preempt: WhyRow | null;
  /** First conflicting call during it. */
  check: WhyRow | null;
  end: WhyRow | null;
}

export interface PhaseStory {
  stage: Stage;
  /** Row since which it shows that; null: nothing of it was read. */
  since: WhyRow | null;
  walk: "walk" | "clearance" | "dont-walk" | null;
  walkSince: WhyRow | null;
  green: Green | null;
  call: Call | null;
  walkCall: Call | null;
  inactive: WhyRow | null;
}

/** A detector's edge and the call that it brings are written in the same step, or the next. */
const SAME_STEP_MS = 200;
/** A delayed detector calls this much later at the most (the site file's largest delay). */
const DELAY_MS = 31_000;
/** From a command's acceptance on disk to what it does. */
const COMMAND_MS = 6_000;

const STAGES: Readonly<Record<number, Stage>> = {
  1: "green",
  8: "yellow",
  10: "red-clearance",
  11: "red",
  12: "red",
};
const WALKS: Readonly<Record<number, PhaseStory["walk"]>> = {
  21: "walk",
  22: "clearance",
  23: "dont-walk",
};

export class Story {
  readonly phases = new Map<number, PhaseStory>();
  mode: WhyRow | null = null;
  /** First row of the run, and its incarnation. */
  start: WhyRow | null = null;
  trip: WhyRow | null = null;
  /** Codes 131 and 150: the plan, and how far coordination is in it. */
  pattern: WhyRow | null = null;
  coordination: WhyRow | null = null;
  preempt: WhyRow | null = null;
  hold: WhyRow | null = null;
  /** Newest of codes 113 and 114, and of 151, by phase or request. */
  priority: WhyRow | null = null;
  readonly yields = new Map<number, WhyRow>();
  interlock: WhyRow | null = null;
  /** Orders in force, by what and subject. */
  readonly orders = new Map<string, WhyRow>();
  readonly alarms = new Map<string, WhyRow>();
  /** The newest edge of each detector and button, and the newest call of an operator by phase. */
  private readonly edges = new Map<number, WhyRow>();
  private readonly presses = new Map<number, WhyRow>();
  private readonly commands = new Map<string, WhyRow>();
  private readonly wiring: WhyWiring | null;

  constructor(wiring: WhyWiring | null) {
    this.wiring = wiring;
  }

  /** The rows up to the moment, oldest first. */
  read(rows: Iterable<WhyRow>): this {
    for (const row of rows) this.take(row);
    return this;
  }

  phase(number: number): PhaseStory {
    const known = this.phases.get(number);
    if (known !== undefined) return known;
    const fresh: PhaseStory = {
      stage: "red",
      since: null,
      walk: null,
      walkSince: null,
      green: null,
      call: null,
      walkCall: null,
      inactive: null,
    };
    this.phases.set(number, fresh);
    return fresh;
  }

  private take(row: WhyRow): void {
    const [first, second, third] = row.body;
    switch (row.kind) {
      case "code":
        this.code(row, Number(first), Number(second));
        break;
      case "start":
        this.begin(row);
        break;
      case "mode":
        this.changeMode(row);
        break;
      case "trip":
        this.trip = row;
        break;
      case "interlock":
        this.interlock = row;
        break;
      case "order":
        put(this.orders, `${String(first)} ${String(second)}`, row, third === true);
        break;
      case "alarm":
        put(this.alarms, `${String(first)} ${String(second)}`, row, third === true);
        break;
      case "command":
        this.command(row);
        break;
    }
  }

  /** A new run knows nothing of the old one's lamps and orders. */
  private begin(row: WhyRow): void {
    this.start = row;
    this.orders.clear();
    this.phases.clear();
    for (const key of ["pattern", "coordination", "preempt", "hold", "priority"] as const) {
      this[key] = null;
    }
  }

  private changeMode(row: WhyRow): void {
    const isSame = row.body.every((part, at) => part === this.mode?.body[at]);
    if (!isSame) this.mode = row;
    if (row.body[0] !== "starting") return;
    // The controller starts first and calls every phase; the new mode is written after that.
    for (const phase of this.phases.values()) {
      const { call, walkCall } = phase;
      phase.call = startedBy(call, row);
      phase.walkCall = startedBy(walkCall, row);
    }
  }

  private command(row: WhyRow): void {
    const parameters = row.body[3];
    if (!Array.isArray(parameters) || parameters[0] !== "call") return;
    this.commands.set(`${String(parameters[1])} ${String(parameters[2])}`, row);
  }

  private code(row: WhyRow, code: number, parameter: number): void {
    if (code === 82) this.edges.set(parameter, row);
    else if (code === 90) this.presses.set(parameter, row);
    else if (code === 131) this.pattern = row;
    else if (code === 150) this.coordination = row;
    else if (code === 151) this.yields.set(parameter, row);
    else if (code === 105) this.preempt = row;
    else if (code === 111) this.preempt = null;
    else if (code === 41) this.hold = row;
    else if (code === 42) this.hold = null;
    else if (code === 113 || code === 114) this.priority = row;
    else if (code === 115) this.priority = null;
    else if (code <= 23 || (code >= 43 && code <= 45)) this.phaseCode(row, code, parameter);
  }

  private phaseCode(row: WhyRow, code: number, number: number): void {
    const phase = this.phase(number);
    const stage = STAGES[code];
    // Code 12 after a stop ends a green that had no yellow.
    if (stage !== undefined && stage !== phase.stage) {
      phase.stage = stage;
      phase.since = row;
    }
    if (code === 1) this.beginGreen(phase, number, row);
    if (code === 12) phase.inactive = row;
    if (code === 2 && phase.green !== null) phase.green.check ??= row;
    if (code >= 4 && code <= 6 && phase.green !== null) phase.green.end = row;
    if (WALKS[code] !== undefined) {
      phase.walk = WALKS[code];
      phase.walkSince = row;
      if (code === 21) phase.walkCall = null;
    }
    if (code === 43) phase.call = { row, from: this.callerOf(number, row) };
    if (code === 44 && phase.stage !== "green") phase.call = null;
    if (code === 45) phase.walkCall = { row, from: this.presserOf(number, row) };
  }

  private beginGreen(phase: PhaseStory, number: number, row: WhyRow): void {
    phase.green = {
      begin: row,
      call: phase.call,
      walkCall: phase.walkCall,
      after: this.endedBefore(number, row),
      preempt: this.preempt,
      check: null,
      end: null,
    };
    phase.since = row;
    phase.call = null;
  }

  /** Who went out of the way last: those whose clearance ended as this green began. */
  private endedBefore(number: number, row: WhyRow): WhyRow[] {
    const others = [...this.phases].filter(([other]) => other !== number);
    const gone = others.filter(([, { inactive }]) => inactive !== null);
    const newest = Math.max(...gone.map(([, { inactive }]) => inactive?.at ?? 0));
    if (row.at - newest > DELAY_MS) return [];
    return gone
      .filter(([, { inactive }]) => newest - (inactive?.at ?? 0) <= SAME_STEP_MS)
      .flatMap(([, { green }]) => (green?.end == null ? [] : [green.end]));
  }

  /** The edge, command or start that a vehicle call came from; null for a standing one. */
  private callerOf(number: number, row: WhyRow): WhyRow | null {
    const wired = this.wiring?.detectors.filter(({ call }) => call.includes(number));
    const edges =
      wired === undefined
        ? [...this.edges.values()].filter((edge) => row.at - edge.at <= SAME_STEP_MS)
        : wired.flatMap(({ detector }) => this.edges.get(detector) ?? []);
    const command = this.commands.get(`${number} false`);
    return newestOf([
      ...edges.filter((edge) => row.at - edge.at <= DELAY_MS),
      ...within(command, row, COMMAND_MS),
    ]);
  }

  private presserOf(number: number, row: WhyRow): WhyRow | null {
    const wired = this.wiring?.buttons.filter(({ phase }) => phase === number);
    const presses =
      wired === undefined
        ? [...this.presses.values()]
        : wired.flatMap(({ detector }) => this.presses.get(detector) ?? []);
    return newestOf([
      ...presses.filter((press) => row.at - press.at <= SAME_STEP_MS),
      ...within(this.commands.get(`${number} true`), row, COMMAND_MS),
    ]);
  }
}

function startedBy(call: Call | null, mode: WhyRow): Call | null {
  if (call === null || call.from !== null) return call;
  return mode.at - call.row.at <= SAME_STEP_MS ? { ...call, from: mode } : call;
}

function put(map: Map<string, WhyRow>, key: string, row: WhyRow, active: boolean): void {
  if (active) map.set(key, row);
  else map.delete(key);
}

function within(row: WhyRow | undefined, after: WhyRow, mostMs: number): WhyRow[] {
  return row !== undefined && after.at - row.at <= mostMs ? [row] : [];
}

function newestOf(rows: readonly WhyRow[]): WhyRow | null {
  return rows.reduce<WhyRow | null>((best, row) => {
    return best === null || row.seq > best.seq ? row : best;
  }, null);
}
