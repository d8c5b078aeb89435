// What zones say to a delivery and to a publication: nothing, or why not. It only narrows what the
// role and the site file's lists allow. Prepared by role and class, because it is asked for every
// delivery: with a client's `RoleScope` at hand, one look into a map and one `&`.
import type { Whereabouts } from "./presence.ts";
import type { Zone, ZoneRole } from "./zone.ts";
import type { ZoneSet } from "./zone-set.ts";

/** Why a zone refuses: no position at all, one that nothing confirms, or one elsewhere. */
export type ScopeRefusal = "no-position" | "position-only-claimed" | "outside-zone";

/** For each scoped class the zones of which one must be entered. */
type Needs = ReadonlyMap<string, number>;

const NOBODY: Needs = new Map();

function needsOf(
  { zones }: ZoneSet,
  role: ZoneRole,
  classes: (zone: Zone) => readonly string[],
): Needs {
  const needs = new Map<string, number>();
  for (const { zone, bit } of zones) {
    if (!zone.roles.includes(role)) continue;
    for (const name of classes(zone)) needs.set(name, (needs.get(name) ?? 0) | bit);
  }
  return needs;
}

/** The rights of one role, to be kept with each of its connected clients. */
export class RoleScope {
  readonly #receive: Needs;
  readonly #publish: Needs;

  constructor(receive: Needs, publish: Needs) {
    this.#receive = receive;
    this.#publish = publish;
  }

  /** False: no class is scoped for this role, so that nobody need keep its positions. */
  get isScoped(): boolean {
    return this.#receive.size > 0 || this.#publish.size > 0;
  }

  /**
   * Why a topic of this node's class (the level after the node's name: `spat` for `…/spat/json`)
   * may not be delivered now, or null where zones have nothing against it. `at` is null for a
   * client that has never reported a position. Inside one of a class's zones is enough.
   */
  receiveRefusal(topicClass: string, at: Whereabouts | null): ScopeRefusal | null {
    const need = this.#receive.get(topicClass);
    if (need === undefined) return null;
    if (at === null || at.standing === "unknown") return "no-position";
    return (at.inside & need) === 0 ? "outside-zone" : null;
  }

  /** The same for what the client publishes. A claim is not enough here. */
  publishRefusal(topicClass: string, at: Whereabouts | null): ScopeRefusal | null {
    const need = this.#publish.get(topicClass);
    if (need === undefined) return null;
    if (at === null || at.standing === "unknown") return "no-position";
    if ((at.inside & need) === 0) return "outside-zone";
    return at.standing === "claimed" ? "position-only-claimed" : null;
  }
}

/** Zones know nothing of this role: everything is as its other rights say. */
const UNSCOPED = new RoleScope(NOBODY, NOBODY);

/** Rights by role, made once from the zones of the site. */
export class ZoneScope {
  readonly #byRole: ReadonlyMap<string, RoleScope>;

  constructor(set: ZoneSet) {
    const roles = new Set(set.zones.flatMap(({ zone }) => zone.roles));
    this.#byRole = new Map(
      [...roles].map((role) => [
        role,
        new RoleScope(
          needsOf(set, role, ({ receive }) => receive),
          needsOf(set, role, ({ publish }) => publish),
        ),
      ]),
    );
  }

  /** Any role; one that no zone names is not scoped. */
  of(role: string): RoleScope {
    return this.#byRole.get(role) ?? UNSCOPED;
  }
}
