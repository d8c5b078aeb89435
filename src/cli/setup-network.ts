// `network.yaml` of a card's first files: how the board reaches its network. Pure: text in, the
// files of systemd-networkd, wpa_supplicant and chrony out, or every problem with its line.
import { pbkdf2Sync } from "node:crypto";
import { isIP } from "node:net";
import { Problems } from "../sitefile/problems.ts";
import { type Path, readYaml } from "../sitefile/yaml.ts";

export interface SetupFile {
  /** Below the folder that it is for. */
  readonly name: string;
  readonly mode: number;
  readonly text: string;
}

export type NetworkRead =
  | { readonly ok: true; readonly files: readonly SetupFile[] }
  | { readonly ok: false; readonly problems: string[] };

type Values = Readonly<Record<string, unknown>>;

const ADDRESS_KEYS = ["address", "gateway", "dns"] as const;
const HOST = /^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,252}[a-zA-Z0-9])?$/;
/** IEEE 802.11i: a passphrase becomes the key by PBKDF2 with the network's name, 4,096 rounds. */
const PSK_ROUNDS = 4_096;
const PSK_BYTES = 32;

function isMap(value: unknown): value is Values {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

class Reading {
  readonly problems: Problems;

  constructor(problems: Problems) {
    this.problems = problems;
  }

  /** Adds a problem unless it holds. */
  must(holds: boolean, path: Path, what: string, use: string): void {
    if (!holds) this.problems.add({ path, what, use });
  }

  map(value: unknown, path: Path, keys: readonly string[]): Values | null {
    if (!isMap(value)) {
      this.must(false, path, "no map", keys.join(", "));
      return null;
    }
    for (const key of Object.keys(value)) {
      const known = keys.includes(key);
      this.must(known, [...path, key], "not a known key", `one of ${keys.join(", ")}`);
    }
    return value;
  }

  list(value: unknown, path: Path, fits: (text: string) => boolean, use: string): string[] {
    if (value === undefined) return [];
    const texts = Array.isArray(value) ? value : [value];
    for (const [at, text] of texts.entries()) {
      const place = Array.isArray(value) ? [...path, at] : path;
      this.must(isText(text) && fits(text), place, "of another form", use);
    }
    return texts.filter(isText);
  }
}

/** An address with its prefix length, such as 192.0.2.10/24. */
function isSubnetAddress(text: string): boolean {
  const [address = "", prefix = "", ...more] = text.split("/");
  const kind = isIP(address);
  if (kind === 0 || more.length > 0 || !/^\d{1,3}$/.test(prefix)) return false;
  return Number(prefix) >= 1 && Number(prefix) <= (kind === 4 ? 32 : 128);
}

/** Lines below [Network]. */
function addressing(reading: Reading, value: Values | "dhcp", path: Path): string[] {
  if (value === "dhcp" || ADDRESS_KEYS.every((key) => value[key] === undefined)) {
    return ["DHCP=yes", "IPv6AcceptRA=yes"];
  }
  const { address, gateway, dns } = value;
  const use = "one with its prefix length, such as 192.0.2.10/24";
  const found = reading.list(address, [...path, "address"], isSubnetAddress, use);
  reading.must(found.length > 0, [...path, "address"], "given", `${use}, or dhcp`);
  const isAddress = (text: string): boolean => isIP(text) !== 0;
  const ways = reading.list(gateway, [...path, "gateway"], isAddress, "an IP address");
  const names = reading.list(dns, [...path, "dns"], isAddress, "IP addresses");
  return [
    ...found.map((text) => `Address=${text}`),
    ...ways.map((text) => `Gateway=${text}`),
    ...names.map((text) => `DNS=${text}`),
  ];
}

function networkFile(name: string, match: string, lines: readonly string[]): SetupFile {
  const text = `[Match]\nName=${match}\n\n[Network]\n${lines.join("\n")}\n`;
  return { name, mode: 0o644, text };
}

function wiredFiles(reading: Reading, value: unknown): SetupFile[] {
  if (value === undefined) return [];
  const path = ["wired"];
  const given = value === "dhcp" ? value : reading.map(value, path, ADDRESS_KEYS);
  if (given === null) return [];
  return [networkFile("20-wired.network", "en* eth* end*", addressing(reading, given, path))];
}

function wifiFiles(reading: Reading, value: unknown): SetupFile[] {
  if (value === undefined) return [];
  const given = reading.map(value, ["wifi"], ["name", "password", "country", ...ADDRESS_KEYS]);
  if (given === null) return [];
  const { name, password, country } = given;
  const nameFits = isText(name) && name !== "" && Buffer.byteLength(name) <= 32;
  reading.must(nameFits, ["wifi", "name"], "no network's name", "1 to 32 bytes of text in quotes");
  const isPassword = isText(password) && /^[\x20-\x7e]{8,63}$/.test(password);
  if (!isPassword) {
    // The value itself stays out of messages: they go to a console and a log.
    const use = "8 to 63 letters, digits and signs in quotes";
    reading.problems.add({ path: ["wifi", "password"], value: "it", what: "no password", use });
  }
  const isCountry = isText(country) && /^[A-Z]{2}$/.test(country);
  reading.must(isCountry, ["wifi", "country"], "no country", "its two capital letters: CZ");
  if (!nameFits || !isPassword || !isCountry) return [];
  const key = pbkdf2Sync(password, name, PSK_ROUNDS, PSK_BYTES, "sha1").toString("hex");
  const ssid = Buffer.from(name).toString("hex");
  const text = `country=${country}\nnetwork={\n  ssid=${ssid}\n  scan_ssid=1\n  psk=${key}\n}\n`;
  return [
    networkFile("20-wifi.network", "wl*", addressing(reading, given, ["wifi"])),
    { name: "wpa_supplicant-wlan0.conf", mode: 0o600, text },
  ];
}

function timeFiles(reading: Reading, value: unknown): SetupFile[] {
  if (value === undefined) return [];
  const fits = (text: string): boolean => HOST.test(text) || isIP(text) !== 0;
  const hosts = reading.list(value, ["time"], fits, "names or addresses of time servers");
  const text = hosts.map((host) => `server ${host} iburst\n`).join("");
  return [{ name: "time/time.sources", mode: 0o644, text }];
}

/** All files of one `network.yaml`, or its problems; the radio's password is never in either. */
export function networkFiles(text: string, fileName: string): NetworkRead {
  const file = readYaml(text);
  const problems = new Problems(file);
  for (const { line, path, text: what } of file.faults) problems.addText(path, what, line);
  const reading = new Reading(problems);
  const value = problems.count > 0 ? null : reading.map(file.value, [], ["wired", "wifi", "time"]);
  const { wired, wifi, time } = value ?? {};
  const files = [
    ...wiredFiles(reading, wired),
    ...wifiFiles(reading, wifi),
    ...timeFiles(reading, time),
  ];
  if (problems.count > 0) return { ok: false, problems: problems.lines(fileName) };
  return { ok: true, files };
}
