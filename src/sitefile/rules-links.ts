// Addresses: who may reach the node, and whom it reaches. Beyond loopback nobody comes in without
// showing a certificate.
import { isIP } from "node:net";
import { listenerOf } from "./convert.ts";
import type { Draft } from "./draft.ts";
import type { Problems } from "./problems.ts";
import type { Path } from "./yaml.ts";

/** Neighbours of one junction; each costs a link and a share of every datagram's budget. */
const MAX_NEIGHBOURS = 16;

const NO_KEYS = {
  what: "of no use without keys",
  use: "trust: { keys: /path/of/folder } beside it",
};

interface Place {
  readonly address: string;
  readonly port: number;
  readonly path: Path;
  /** What opens it to other machines, and whether that is there. */
  readonly guarded: boolean;
  readonly wayOut: string;
}

export function checkAddresses(draft: Draft, problems: Problems): void {
  const used = new Set<string>();
  for (const place of placesOf(draft)) {
    checkAddress(problems, place);
    const text = `${place.address}:${place.port}`;
    if (place.port !== 0 && used.has(text)) {
      const what = "used twice";
      problems.add({
        path: place.path.slice(0, -1),
        value: text,
        what,
        use: "another port for one of them",
      });
    }
    used.add(text);
  }
  checkTls(draft, problems);
  checkLinks(draft, problems);
  checkNeighbours(draft, problems);
  checkTraces(draft, problems);
}

function tunnel(port: number): string {
  return `an SSH tunnel: ssh -L ${port}:127.0.0.1:${port} HOST`;
}

function placesOf({ broker, console: page, links }: Draft): Place[] {
  const places: Place[] = (broker?.listeners ?? []).map(({ address, port, tls }, at) => ({
    address,
    port,
    path: ["broker", "listeners", at, "address"],
    guarded: tls === true,
    wayOut: `tls: true beside it, or 127.0.0.1 and from elsewhere ${tunnel(port)}`,
  }));
  if (page?.listen !== undefined) {
    const { address, port } = listenerOf(page.listen);
    const wayOut = `127.0.0.1, and from elsewhere ${tunnel(port)}`;
    places.push({ address, port, path: ["console", "listen"], guarded: false, wayOut });
  }
  if (page?.network !== undefined) {
    const { address, port } = listenerOf(page.network.listen);
    const path = ["console", "network", "listen"];
    places.push({ address, port, path, guarded: true, wayOut: "" });
  }
  if (links !== undefined) {
    const { address, reliable } = links;
    const path = ["links", "address"];
    places.push({ address, port: reliable, path, guarded: true, wayOut: "" });
  }
  return places;
}

/** 127.0.0.0/8, ::1 and the name localhost. */
function isLoopback(address: string): boolean {
  if (address === "localhost" || address === "::1") return true;
  return isIP(address) === 4 && address.startsWith("127.");
}

function checkAddress(problems: Problems, { address, port, path, guarded, wayOut }: Place): void {
  if (port > 65_535) {
    problems.add({ path, what: "with a port above 65535", use: "a port from 0 to 65535" });
  }
  if (isLoopback(address)) return;
  if (!guarded) {
    problems.add({ path, what: "not a loopback address, and nobody has to log in", use: wayOut });
  } else if (isIP(address) === 0) {
    problems.add({ path, what: "no IP address", use: "one such as 192.0.2.7, 0.0.0.0 or ::" });
  }
}

function checkTls({ broker, console: page, given }: Draft, problems: Problems): void {
  if (given.has("trust")) return;
  if (page?.network !== undefined) problems.add({ path: ["console", "network"], ...NO_KEYS });
  for (const [at, { tls }] of (broker?.listeners ?? []).entries()) {
    if (tls === true) problems.add({ path: ["broker", "listeners", at, "tls"], ...NO_KEYS });
  }
}

function checkLinks({ given, neighbours }: Draft, problems: Problems): void {
  const missing = (path: string, needs: string, use: string): void => {
    if (!given.has(path) || given.has(needs)) return;
    problems.add({ path: [path], what: `of no use without ${needs}`, use });
  };
  missing("links", "trust", NO_KEYS.use);
  missing("neighbours", "links", "links: { address: 0.0.0.0, fast: 8884, reliable: 8885 }");
  if (neighbours.size <= MAX_NEIGHBOURS) return;
  const what = `a list of ${neighbours.size}`;
  problems.add({ path: ["neighbours"], what, use: `at most ${MAX_NEIGHBOURS} neighbours` });
}

function checkNeighbours(draft: Draft, problems: Problems): void {
  const ways = new Map<string, string>();
  for (const [id, { address, fast, reliable, ...road }] of draft.neighbours) {
    const path = ["neighbours", id];
    if (id === draft.node?.id) {
      problems.add({ path, value: id, what: "this node itself", use: "the ids of other nodes" });
    }
    if (isIP(address) === 0) {
      // A name would have to be looked up, and names nobody: the certificate does.
      const use = "an IP address such as 192.0.2.7";
      problems.add({ path: [...path, "address"], what: "no IP address", use });
    }
    for (const port of [`udp ${address}:${fast}`, `tcp ${address}:${reliable}`]) {
      const other = ways.get(port);
      const what = `reached at the same place as ${other}`;
      if (other !== undefined) problems.add({ path, value: id, what, use: "its own address" });
      ways.set(port, id);
    }
    checkRoad(draft, problems, path, road);
  }
}

function checkRoad(
  { approachIds }: Draft,
  problems: Problems,
  path: Path,
  road: { approach?: string | undefined; length?: number | undefined; speed?: number | undefined },
): void {
  const { approach } = road;
  const parts = [approach, road.length, road.speed].filter((part) => part !== undefined).length;
  if (parts !== 0 && parts !== 3) {
    const use = "approach, length and speed together, or none of them";
    problems.add({ path, what: "a road with parts missing", use });
  }
  if (approach === undefined || approachIds.has(approach)) return;
  const what = "an approach that this file doesn't have";
  problems.add({ path: [...path, "approach"], what, use: [...approachIds].join(", ") });
}

/** Traces say what every detector saw: beyond this machine they go encrypted. */
export function mayTakeTraces({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || isLoopback(hostname.replace(/^\[|\]$/g, ""));
}

function checkTraces({ traces }: Draft, problems: Problems): void {
  if (traces === undefined) return;
  const path = ["traces", "endpoint"];
  if (!URL.canParse(traces.endpoint)) {
    problems.add({ path, what: "no address", use: "one such as http://127.0.0.1:4318" });
    return;
  }
  if (mayTakeTraces(new URL(traces.endpoint))) return;
  const use = "https://, or a collector on this machine such as http://127.0.0.1:4318";
  problems.add({ path, what: "beyond this machine without TLS", use });
}
