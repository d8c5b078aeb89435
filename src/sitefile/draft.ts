// A site file on its way to a model: the parts whose shape is right, beside the numbers of those
// that are not, so that one mistyped value doesn't bring a flood of problems that follow from it.
import type { DetectorEntry, PhaseEntry, ShapeFault, SiteFile } from "./schema.ts";
import type { PlanEntry } from "./schema-plans.ts";
import type { ZoneEntry } from "./schema-zones.ts";
import type { Path } from "./yaml.ts";

type Entry<Section extends keyof SiteFile> = NonNullable<SiteFile[Section]>[string &
  keyof NonNullable<SiteFile[Section]>];

export interface Draft {
  /** The parts by key whose shape is right. */
  readonly approaches: ReadonlyMap<string, SiteFile["approaches"][string]>;
  readonly phases: ReadonlyMap<number, PhaseEntry>;
  readonly channels: ReadonlyMap<number, SiteFile["channels"][string]>;
  readonly detectors: ReadonlyMap<number, DetectorEntry>;
  readonly pedestrianDetectors: ReadonlyMap<number, { phase: number; input: number }>;
  readonly preempts: ReadonlyMap<number, NonNullable<SiteFile["preempts"]>[string]>;
  readonly zones: ReadonlyMap<string, ZoneEntry>;
  readonly plans: ReadonlyMap<number, PlanEntry>;
  /** Everything named, right or not: what a reference may point to. */
  readonly phaseIds: ReadonlySet<number>;
  readonly channelIds: ReadonlySet<number>;
  readonly planIds: ReadonlySet<number>;
  readonly approachIds: ReadonlySet<string>;
  /** Other sections, or undefined when their shape is wrong. */
  readonly sequence: SiteFile["sequence"] | undefined;
  readonly compatible: readonly (readonly [number, number])[] | undefined;
  readonly site: SiteFile["site"] | undefined;
  readonly broker: SiteFile["broker"] | undefined;
  readonly console: SiteFile["console"] | undefined;
  readonly cabinet: SiteFile["cabinet"] | undefined;
  readonly log: SiteFile["log"] | undefined;
  readonly street: SiteFile["street"] | undefined;
  readonly node: SiteFile["node"] | undefined;
  readonly trust: SiteFile["trust"] | undefined;
  readonly links: SiteFile["links"] | undefined;
  readonly traces: SiteFile["traces"] | undefined;
  readonly neighbours: ReadonlyMap<string, NonNullable<SiteFile["neighbours"]>[string]>;
  /** Sections that are there, right or not. */
  readonly given: ReadonlySet<string>;
  readonly schedule: SiteFile["schedule"] | undefined;
  readonly limits: SiteFile["limits"] | undefined;
}

type Plain = Readonly<Record<string, unknown>>;

function plainMap(value: unknown): Plain {
  return value !== null && typeof value === "object" && !Array.isArray(value)
    ? (value as Plain)
    : {};
}

/** True when no fault lies at a path or below it; unknown keys harm nothing that is known. */
function soundness(faults: readonly ShapeFault[], unread: readonly Path[]): Sound {
  const broken = [...faults.filter(({ kind }) => kind !== "unknown-key").map((f) => f.path)];
  const keys = new Set<string>();
  for (const path of [...broken, ...unread]) {
    for (let length = 0; length <= path.length; length += 1) {
      keys.add(path.slice(0, length).join("\u0000"));
    }
  }
  return (path) => !keys.has(path.join("\u0000"));
}

type Sound = (path: Path) => boolean;

function numericIds(section: Plain): Set<number> {
  return new Set(
    Object.keys(section)
      .filter((key) => /^\d{1,3}$/.test(key))
      .map(Number),
  );
}

/** The draft of a parsed file; `unread` are paths that the YAML reader could not give a value. */
export function draftOf(
  value: unknown,
  faults: readonly ShapeFault[],
  unread: readonly Path[],
): Draft {
  const sound = soundness(faults, unread);
  const file = plainMap(value);
  const section = (name: keyof SiteFile): Plain => plainMap(file[name]);
  const entries = <Key>(name: keyof SiteFile, key: (text: string) => Key): Map<Key, unknown> =>
    new Map(
      Object.entries(section(name))
        .filter(([text]) => sound([name, text]))
        .map(([text, entry]) => [key(text), entry]),
    );
  const whole = <Name extends keyof SiteFile>(name: Name): SiteFile[Name] | undefined =>
    sound([name]) && file[name] !== undefined ? (file[name] as SiteFile[Name]) : undefined;
  return {
    approaches: entries("approaches", String) as Map<string, Entry<"approaches">>,
    phases: entries("phases", Number) as Map<number, PhaseEntry>,
    channels: entries("channels", Number) as Map<number, Entry<"channels">>,
    detectors: entries("detectors", Number) as Map<number, DetectorEntry>,
    pedestrianDetectors: entries("pedestrianDetectors", Number) as Map<
      number,
      Entry<"pedestrianDetectors">
    >,
    preempts: entries("preempts", Number) as Map<number, Entry<"preempts">>,
    zones: entries("zones", String) as Map<string, ZoneEntry>,
    plans: entries("plans", Number) as Map<number, PlanEntry>,
    phaseIds: numericIds(section("phases")),
    channelIds: numericIds(section("channels")),
    planIds: numericIds(section("plans")),
    approachIds: new Set(Object.keys(section("approaches"))),
    sequence: whole("sequence"),
    compatible: whole("compatible") as readonly (readonly [number, number])[] | undefined,
    site: whole("site"),
    broker: whole("broker"),
    console: whole("console"),
    cabinet: whole("cabinet"),
    log: whole("log"),
    street: whole("street"),
    node: whole("node"),
    trust: whole("trust"),
    links: whole("links"),
    traces: whole("traces"),
    neighbours: entries("neighbours", String) as Map<string, Entry<"neighbours">>,
    given: new Set(Object.keys(file)),
    schedule: whole("schedule"),
    limits: whole("limits"),
  };
}
