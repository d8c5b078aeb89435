// The corridor page: every junction of the street on one sheet. It asks this console who belongs to
// the corridor and then listens to each one's own console, as a reader; it can do nothing.
import { CorridorMap } from "./corridor-map.ts";
import { planStreet, type StreetPlan } from "./corridor-place.ts";
import { junctionRows, linkLegend, linkRows } from "./corridor-rows.ts";
import { Member } from "./member.ts";
import { Space, type SpaceScale } from "./space.ts";
import { byId, html, setText } from "./svg.ts";
import { startTheme } from "./theme.ts";

const DRAW_MS = 500;
const RETRY_MS = 2_000;
/** Street beyond the first and the last junction, as a part of its length and in m. */
const [BEYOND_PART, BEYOND_LEAST_M, BEYOND_MOST_M] = [0.3, 120, 320];
/** Height for each stretch between two junctions, px. */
const [STRETCH, LEAST_HEIGHT] = [210, 380];

interface CorridorAnswer {
  /** Origins of consoles, this one's among them. */
  readonly members: readonly string[];
}

class Corridor {
  readonly #members: readonly Member[];
  readonly #map = new CorridorMap();
  #space: Space | null = null;
  #plan: StreetPlan | null = null;
  #clock: Intl.DateTimeFormat | null = null;

  constructor(origins: readonly string[]) {
    this.#members = origins.map((origin) => new Member(origin, () => this.#replan()));
  }

  open(): void {
    byId("street").hidden = false;
    byId("map").replaceChildren(this.#map.element);
    byId("legend").replaceChildren(...legend());
    byId("link-legend").replaceChildren(...linkLegend());
    for (const member of this.#members) member.open();
    setInterval(() => this.#draw(), DRAW_MS);
    document.addEventListener("visibilitychange", () => this.#draw());
    new ResizeObserver(() => this.#draw()).observe(byId("space"));
  }

  /** Members whose site is known stand on the street, in the order of their places. */
  #replan(): void {
    const known = this.#known();
    const first = known[0]?.site;
    if (first === undefined || first === null) return;
    this.#plan = planStreet(known.flatMap(({ site }) => (site === null ? [] : [site])));
    setText(byId("zone"), `${first.node.region} / ${first.node.zone}`);
    if (this.#space === null) {
      this.#space = new Space(first.timezone);
      byId("space").replaceChildren(this.#space.element);
      this.#clock = new Intl.DateTimeFormat("en-GB", {
        timeZone: first.timezone,
        timeStyle: "medium",
      });
    }
    this.#draw();
  }

  #known(): readonly Member[] {
    return this.#members.filter(({ site }) => site !== null);
  }

  #scale(plan: StreetPlan): SpaceScale {
    const stretches = Math.max(1, plan.places.length - 1);
    const height = Math.max(LEAST_HEIGHT, stretches * STRETCH + 140);
    const beyondM = Math.min(BEYOND_MOST_M, Math.max(BEYOND_LEAST_M, plan.lengthM * BEYOND_PART));
    const wholeM = plan.lengthM + 2 * beyondM;
    return { height, y: (atM) => height - ((atM + beyondM) / wholeM) * height };
  }

  #draw(): void {
    if (document.visibilityState === "hidden") return;
    const nowMs = performance.now();
    this.#say(nowMs);
    byId("junctions").replaceChildren(...junctionRows(this.#members, this.#plan, nowMs));
    const plan = this.#plan;
    if (plan === null || this.#space === null) return;
    const known = this.#known();
    const scale = this.#scale(plan);
    byId("links").replaceChildren(...linkRows(known, plan));
    this.#map.draw(known, plan, scale, nowMs);
    this.#space.resize(byId("space").clientWidth);
    this.#space.draw(known, plan, scale, this.#wallMs(nowMs));
  }

  /** The newest clock among the members: what any of them says happened before it. */
  #wallMs(nowMs: number): number {
    const clocks = this.#members.flatMap(({ picture }) => picture.wallMs(nowMs) ?? []);
    return clocks.length === 0 ? Date.now() : Math.max(...clocks);
  }

  #say(nowMs: number): void {
    const live = this.#members.filter(({ picture }) => picture.belief(nowMs) === "live").length;
    const all = live === this.#members.length;
    const some = live === 0 ? "lost" : "stale";
    byId("belief").dataset.belief = all ? "live" : some;
    setText(byId("belief-word"), all ? "Live" : `${live} of ${this.#members.length} live`);
    if (this.#clock !== null) setText(byId("clock"), this.#clock.format(this.#wallMs(nowMs)));
  }
}

function legend(): HTMLElement[] {
  const words = [
    ["ahead", "driving up"],
    ["back", "driving down"],
    ["go", "green"],
    ["caution", "yellow"],
    ["halt", "red"],
  ] as const;
  return words.map(([kind, text]) =>
    html("li", { class: `legend-item legend-${kind}` }, html("i", { "aria-hidden": "true" }), text),
  );
}

function showNone(): void {
  const none = byId("none");
  none.hidden = false;
  setText(
    none,
    "This site file names no other consoles. List those of the corridor under console.corridor.",
  );
}

async function start(): Promise<void> {
  const response = await fetch("/api/corridor", { cache: "no-store" });
  if (!response.ok) throw new Error(`/api/corridor: ${response.status}`);
  const { members } = (await response.json()) as CorridorAnswer;
  if (members.length < 2) showNone();
  else new Corridor(members).open();
}

function startUntilItWorks(): void {
  start().catch(() => {
    setText(byId("belief-word"), "The node does not answer, trying again");
    setTimeout(startUntilItWorks, RETRY_MS);
  });
}

startTheme();
startUntilItWorks();
