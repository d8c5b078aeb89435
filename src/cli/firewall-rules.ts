// What a board's firewall opens: the ports that its site file names beyond loopback, and nothing
// else. Pure: a site in, the text of an nft rule set out.
import { isIP } from "node:net";
import type { SiteModel } from "../core/site/model.ts";

export interface Opening {
  readonly protocol: "tcp" | "udp";
  /** Of this board; `0.0.0.0` and `::` are all of its kind. */
  readonly address: string;
  readonly port: number;
  /** For the rule set's reader. */
  readonly what: string;
}

const SSH: Opening = { protocol: "tcp", address: "::", port: 22, what: "ssh" };

/** 127.0.0.0/8, ::1 and localhost are reached without being opened. */
function isLoopback(address: string): boolean {
  if (address === "localhost" || address === "::1") return true;
  return isIP(address) === 4 && address.startsWith("127.");
}

/**
 * Every place beyond loopback at which a node with this site file listens. A port 0 is none: nobody
 * could know it. Neighbours' ports are open to all addresses: who is a neighbour is said by its
 * certificate, and boards with several addresses or behind a router come from another one.
 */
export function openings({ broker, console: page, links }: SiteModel): Opening[] {
  const tcp = (place: { address: string; port: number }, what: string): Opening => ({
    protocol: "tcp",
    address: place.address,
    port: place.port,
    what,
  });
  const found = broker.listeners.map((listener) => tcp(listener, "broker"));
  found.push(tcp(page, "console"));
  if (page.network !== undefined) found.push(tcp(page.network, "console of the network"));
  if (links !== null) {
    const { address, fastPort, reliablePort } = links;
    found.push({ protocol: "udp", address, port: fastPort, what: "neighbours, fast lane" });
    found.push(tcp({ address, port: reliablePort }, "neighbours, reliable lane"));
  }
  return found.filter(({ address, port }) => port !== 0 && !isLoopback(address));
}

/** A listener on `::` takes IPv4 too; one on an address takes what is sent to that address. */
function ruleOf({ protocol, address, port, what }: Opening): string {
  const accept = `${protocol} dport ${port} accept comment "${what}"`;
  if (address === "::") return accept;
  if (address === "0.0.0.0") return `meta nfproto ipv4 ${accept}`;
  return `${isIP(address) === 6 ? "ip6" : "ip"} daddr ${address} ${accept}`;
}

/**
 * An nft rule set that replaces the one before in one step. `site` null: nothing is open. What the
 * board itself began, answers to pings, and what IPv6 needs to have a network at all come through.
 */
export function ruleSet(site: SiteModel | null, ssh: boolean): string {
  const open = [...(site === null ? [] : openings(site)), ...(ssh ? [SSH] : [])];
  return `# ${site === null ? "No site file: closed." : `Of ${JSON.stringify(site.node)}.`}
table inet stopline
delete table inet stopline
table inet stopline {
  chain input {
    type filter hook input priority filter; policy drop;
    iif lo accept
    ct state established,related accept
    ct state invalid drop
    icmp type echo-request limit rate 10/second accept
    icmpv6 type echo-request limit rate 10/second accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
    icmpv6 type { packet-too-big, time-exceeded, parameter-problem } accept
    ip6 saddr fe80::/10 udp dport 546 accept comment "answers of DHCPv6"
${open.map((entry) => `    ${ruleOf(entry)}\n`).join("")}  }
  chain forward {
    type filter hook forward priority filter; policy drop;
  }
}
`;
}
