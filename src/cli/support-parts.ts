// What a support bundle gathers: plain text of what the node, its log and the system say. Each part
// is made on its own; one that can't be made says why in its place. Nothing here disturbs a running
// node: the cabinet's device is not opened.
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { arch, release, uptime, version } from "node:os";
import { join } from "node:path";
import { lastConsoleAddress } from "../console/place.ts";
import { SECRET_FILE } from "../console/secret.ts";
import { integerOf } from "../log/driver.ts";
import { exporterOf } from "../log/export.ts";
import { LogReader } from "../log/read.ts";
import { readSite } from "../node/read-site.ts";
import { packageVersion } from "../observe/version.ts";
import { surroundings } from "./doctor-board.ts";
import { deviceFinding } from "./doctor-cabinet.ts";
import { type Finding, findingLine, textOf } from "./finding.ts";
import { linesOfKey, secretsNamedIn } from "./scrub.ts";

export interface SupportPlaces {
  readonly data: string;
  readonly site: string;
  readonly keys: string;
  /** Rows of the log's end. */
  readonly rows: number;
  /** Lines of the journal's end. */
  readonly lines: number;
}

export interface Part {
  readonly name: string;
  readonly make: () => string | Promise<string>;
}

/** Bytes of one command's answer. */
const MAX_ANSWER_BYTES = 16_777_216;
const PATIENCE_MS = 10_000;
const UNITS = ["stopline", "stopline-keys", "stopline-update", "stopline-backup"];

/** What a command prints, with its words on top; says so where it is missing or fails. */
function answerOf(command: string, ...args: string[]): string {
  const asked = spawnSync(command, args, {
    encoding: "utf8",
    timeout: PATIENCE_MS,
    maxBuffer: MAX_ANSWER_BYTES,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const title = `$ ${[command, ...args].join(" ")}\n`;
  if (asked.error !== undefined) return `${title}not there: ${asked.error.message}\n`;
  return `${title}${asked.stdout}${asked.stderr}`;
}

function about({ data, site }: SupportPlaces): string {
  const node = `Node ${process.versions.node} on ${arch()}, up ${Math.round(process.uptime())} s`;
  return [
    `stopline ${packageVersion()}`,
    `made ${new Date().toISOString()}`,
    `site file ${site}, data ${data}`,
    node,
    `Linux ${release()}, ${version()}, up ${Math.round(uptime())} s`,
    existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "",
  ].join("\n");
}

/** What the running node's console tells everybody on this machine. */
async function fromConsole(data: string, path: string): Promise<string> {
  const origin = lastConsoleAddress(data);
  if (origin === null) return `${data} does not say where its console listens\n`;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(`${origin}${path}`, { headers: { origin }, signal });
    return await response.text();
  } catch (error) {
    return `no answer from ${origin}${path} (${textOf(error)}); does the node run?\n`;
  }
}

function lastRows({ data, rows }: SupportPlaces): string {
  const reader = new LogReader(data);
  try {
    const sql = "SELECT coalesce(max(seq), 0) FROM events";
    const from = Math.max(0, integerOf(reader.database.prepare(sql).get()) - rows + 1);
    const { line } = exporterOf("json", null);
    const pages = [...reader.pages({ from, kind: null })];
    return `${pages.flatMap((page) => page.map(line)).join("\n")}\n`;
  } finally {
    reader.close();
  }
}

/** Names, sizes and rights of all files of a folder; no contents. */
function listing(dir: string): string {
  const names = readdirSync(dir, { recursive: true, encoding: "utf8" }).sort();
  const lines = ["", ...names].map((name) => {
    const { mode, size, uid, gid, mtime } = lstatSync(join(dir, name));
    const rights = (mode & 0o7777).toString(8).padStart(4, "0");
    const owner = `${uid}:${gid}`.padEnd(11);
    return `${rights} ${owner} ${String(size).padStart(11)} ${mtime.toISOString()} ${dir}/${name}`;
  });
  return `${lines.join("\n")}\n`;
}

/** As `stopline doctor` says it, but for what it would ask of the cabinet. */
async function doctor({ data, site }: SupportPlaces): Promise<string> {
  const findings: Finding[] = await surroundings(data);
  const read = await readSite(site);
  if (read.ok) findings.push(deviceFinding(read.site.cabinet.device));
  else for (const says of read.problems) findings.push({ state: "fail", what: "site", says });
  return `${findings.map(findingLine).join("\n")}\n`;
}

function system(): string {
  return [
    answerOf("df", "-h"),
    answerOf("mount"),
    answerOf("free", "-m"),
    answerOf("ip", "-brief", "address"),
    answerOf("timedatectl"),
    answerOf("dpkg-query", "-W", "stopline", "linux-image-*", "systemd"),
    answerOf("dmesg", "--level=emerg,alert,crit,err,warn"),
  ].join("\n");
}

function systemd(): string {
  return [
    answerOf("systemctl", "status", "--no-pager", "--full", ...UNITS),
    answerOf("systemctl", "show", "stopline", "--property=NRestarts,Result,ExecMainStatus"),
    answerOf("systemctl", "--failed", "--no-pager"),
    answerOf("systemd-analyze", "--no-pager", "security", "stopline.service"),
    answerOf("systemd-analyze", "--no-pager", "blame"),
  ].join("\n");
}

function journal(lines: number): string {
  const units = UNITS.flatMap((unit) => ["--unit", unit]);
  const shape = ["--no-pager", "--output=short-iso-precise", `--lines=${lines}`];
  return answerOf("journalctl", ...shape, ...units);
}

/** The parts of a bundle, by the names of their files. */
export function supportParts(places: SupportPlaces): Part[] {
  const { data, site, keys, lines } = places;
  return [
    { name: "about.txt", make: () => about(places) },
    { name: "site.yaml", make: () => readFileSync(site, "utf8") },
    { name: "doctor.txt", make: () => doctor(places) },
    { name: "health.json", make: () => fromConsole(data, "/api/health") },
    { name: "orders.json", make: () => fromConsole(data, "/api/orders") },
    { name: "metrics.txt", make: () => fromConsole(data, "/metrics") },
    { name: "events.jsonl", make: () => lastRows(places) },
    { name: "files.txt", make: () => listing(data) },
    { name: "keys.txt", make: () => listing(keys) },
    { name: "journal.txt", make: () => journal(lines) },
    { name: "systemd.txt", make: systemd },
    { name: "system.txt", make: system },
  ];
}

/** Where a Debian system keeps the keys of its radio networks. */
const NETWORKS = [
  "/etc/wpa_supplicant",
  "/etc/NetworkManager/system-connections",
  "/etc/netplan",
  "/etc/network",
  "/var/lib/iwd",
];

/** Files in a folder that this user may read; their text. */
function textsIn(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const texts: string[] = [];
  try {
    for (const entry of readdirSync(dir, { withFileTypes: true, recursive: true })) {
      if (entry.isFile()) texts.push(readFileSync(join(entry.parentPath, entry.name), "utf8"));
    }
  } catch {
    // What this user can't read, no part of the bundle has read either.
  }
  return texts;
}

/** All that this board is known to keep secret, as far as this user may read it. */
export function secretsOfBoard({ data, site, keys }: SupportPlaces): string[] {
  const text = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
  const siteText = text(site);
  const credentials = /copyCredentials:\s*(\S+)/.exec(siteText)?.[1] ?? "";
  const values = [...text(credentials).matchAll(/"([^"]+)"/g)].map(([, value = ""]) => value);
  return [
    text(join(data, SECRET_FILE)),
    ...textsIn(keys).flatMap((file) => (file.includes("PRIVATE KEY") ? linesOfKey(file) : [])),
    ...values,
    ...secretsNamedIn(siteText),
    ...NETWORKS.flatMap(textsIn).flatMap(secretsNamedIn),
  ];
}
