// Three junctions of a corridor that no process runs: names, folders and ports are only written.
import type { JunctionPlan } from "../../src/cli/corridor-site.ts";

export const THREE_JUNCTIONS: readonly JunctionPlan[] = [1, 2, 3].map(
  (number): JunctionPlan => ({
    number,
    place: "",
    keyFolder: "/etc/stopline/keys",
    fastPort: 4_000 + number,
    reliablePort: 5_000 + number,
    consolePort: 0,
    streetPort: 6_000 + number,
    offsetS: 0,
  }),
);
