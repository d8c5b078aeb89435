// Site files of a corridor, from the demo's: another name and place for each junction, its own keys
// and ports, and the junctions to its north and south for neighbours. Pure.

export const REGION = "demo";
export const ZONE = "old-town";

/** The plan in force all day: the street's through phases are coordinated. */
export const PLAN = 1;
const PLAN_PARTS =
  "reference: 2, coordinated: [2, 6], " +
  "splits: { 1: 10, 2: 67, 3: 10, 4: 33, 5: 10, 6: 67, 7: 10, 8: 33 }";

/**
 * Between two stop lines, m: 22 s of driving, so that what leaves the first green of a run reaches
 * the next junction and passes it within the run's first minute. No less than a street needs: its
 * vehicles appear some 210 m before a stop line, and vanish 30 m behind the one before.
 */
export const SPACING_M = 280;
/** Vehicles along the street: enough that they leave a red light as a platoon, with gaps after. */
const THROUGH_PER_HOUR = 800;
/**
 * Of the plan, s. A cycle that comes into step may be shorter by a fifth: what is left of the
 * street's green after that, 38 s, still lasts from the start to the end of the first platoon, and
 * both ways have a band of some 24 s.
 */
const CYCLE_S = 120;
/** Of a platoon: somewhat below the approach speed of 13.9 m/s. */
const PLATOON_MPS = 12.5;
/** From where a vehicle begins to the first stop line, m, and its speed. */
const APPROACH_M = 300;
const APPROACH_MPS = 13.9;
/** From the middle of a junction to a stop line, m, about. */
const STOP_LINE_M = 15;
/** From the last stop line to where a vehicle's way ends, m. */
const BEYOND_M = 100;
/** A degree of latitude in m. */
const DEGREE_M = 111_320;
const SOUTH_LATITUDE_DEG = 50.0755;
/** A line of an outline: latitude, longitude. */
const CORNER = /^( +(?:- )+)([\d.]+), ([\d.]+)$/gm;
/** Of the street, which runs due north. */
const LONGITUDE_DEG = 14.4378;

/** What one junction of the corridor has. */
export interface JunctionPlan {
  /** From 1 at the southern end. */
  readonly number: number;
  /** Folder of its site file, data and keys. */
  readonly place: string;
  readonly keyFolder: string;
  readonly fastPort: number;
  readonly reliablePort: number;
  readonly consolePort: number;
  /** UDP port of its virtual street. */
  readonly streetPort: number;
  /** Of its plan, whole seconds. */
  readonly offsetS: number;
}

function replaced(text: string, from: string, to: string): string {
  if (text.split(from).length !== 2) throw new Error(`the demo's site file has not one ${from}`);
  return text.replace(from, () => to);
}

function neighbourLine({ number, fastPort, reliablePort }: JunctionPlan, approach: string): string {
  const place = `address: 127.0.0.1, fast: ${fastPort}, reliable: ${reliablePort}`;
  const road = `approach: ${approach}, length: ${SPACING_M}, speed: ${PLATOON_MPS}`;
  return `  junction-${number}: { ${place}, ${road} }`;
}

/** The ways from this junction's street to those beside it, in the place of the demo's street. */
function joinLine({ streetPort }: JunctionPlan, beside: Beside): string {
  const road = (from: string, to: string, { streetPort: port }: JunctionPlan): string =>
    `${from}: { port: ${port}, approach: ${to}, length: ${SPACING_M}, speed: ${PLATOON_MPS} }`;
  const { north, south } = beside;
  const roads = [
    ...(north === undefined ? [] : [road("north", "south", north)]),
    ...(south === undefined ? [] : [road("south", "north", south)]),
  ];
  return `  join: { port: ${streetPort}, roads: { ${roads.join(", ")} } }`;
}

interface Beside {
  readonly north: JunctionPlan | undefined;
  readonly south: JunctionPlan | undefined;
}

/** The site file of one junction among all of its corridor. */
export function corridorSite(
  demo: string,
  plan: JunctionPlan,
  plans: readonly JunctionPlan[],
): string {
  const { number, keyFolder, fastPort, reliablePort, offsetS } = plan;
  const northDeg = ((number - 1) * SPACING_M) / DEGREE_M;
  const latitude = (SOUTH_LATITUDE_DEG + northDeg).toFixed(6);
  let text = replaced(demo, "id: junction-1 }", `id: junction-${number} }`);
  text = replaced(text, "name: Market Street at Station Road", `name: Market Street ${number}`);
  text = replaced(text, `lat: ${SOUTH_LATITUDE_DEG}`, `lat: ${latitude}`);
  const secure = "{ address: 127.0.0.1, port: 0, tls: true }";
  text = replaced(
    text,
    "{ address: 127.0.0.1, port: 1883 }",
    `{ address: 127.0.0.1, port: 0 }, ${secure}`,
  );
  const consoles = plans.map((one) => `'http://127.0.0.1:${one.consolePort}'`).join(", ");
  const listen = `listen: 127.0.0.1:${plan.consolePort}, corridor: [${consoles}]`;
  text = replaced(text, "listen: 127.0.0.1:8080", listen);
  const north = plans.find((other) => other.number === number + 1);
  const south = plans.find((other) => other.number === number - 1);
  const street = joinLine(plan, { north, south });
  text = replaced(text, "  seed: 1\n", `  seed: ${number}\n${street}\n`);
  text = replaced(text, "north: { through: 520", `north: { through: ${THROUGH_PER_HOUR}`);
  text = replaced(text, "south: { through: 480", `south: { through: ${THROUGH_PER_HOUR}`);
  // The demo's zones, around this junction.
  text = text.replace(CORNER, (_, place: string, lat: string, lon: string) => {
    return `${place}${(Number(lat) + northDeg).toFixed(6)}, ${lon}`;
  });
  const lines = [
    "plans:",
    `  ${PLAN}: { cycle: ${CYCLE_S}, offset: ${offsetS}, ${PLAN_PARTS} }`,
    "schedule:",
    `  - { days: [mon, tue, wed, thu, fri, sat, sun], from: '00:00', plan: ${PLAN} }`,
    `trust: { keys: ${JSON.stringify(keyFolder)} }`,
    `links: { address: 127.0.0.1, fast: ${fastPort}, reliable: ${reliablePort} }`,
    "neighbours:",
    ...(south === undefined ? [] : [neighbourLine(south, "south")]),
    ...(north === undefined ? [] : [neighbourLine(north, "north")]),
  ];
  return `${text.trimEnd()}\n${lines.join("\n")}\n`;
}

/**
 * The northbound way through it, as `stopline vehicles` reads it, and where it lies; brokers from
 * the south, and the folder of the CA that makes the vehicles' certificates, from the file's.
 */
export function corridorStreet(brokers: readonly string[], keys: string): string {
  const lines = brokers.map((url, index) => {
    const place = `at: ${APPROACH_M + index * SPACING_M}, speed: ${APPROACH_MPS}`;
    const node = `node: ${REGION}/${ZONE}/junction-${index + 1}, url: '${url}'`;
    return `  - { ${node}, ${place}, approach: south, movement: through }`;
  });
  const wholeM = APPROACH_M + (brokers.length - 1) * SPACING_M + BEYOND_M;
  const points = [0, wholeM].map((atM) => {
    const northM = atM - APPROACH_M - STOP_LINE_M;
    const lat = (SOUTH_LATITUDE_DEG + northM / DEGREE_M).toFixed(6);
    return `  - { at: ${atM}, lat: ${lat}, lon: ${LONGITUDE_DEG} }`;
  });
  const parts = [`length: ${wholeM}`, "way:", ...points, "junctions:", ...lines];
  return `vehicles: 1\nkeys: ${keys}\n${parts.join("\n")}\n`;
}
