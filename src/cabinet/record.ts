// The record that the microcontroller keeps: compiled from the site model, compared by checksum
// when a session opens, and explained in words when it differs. Layout: firmware-bridge/core/
// record.h and docs/protocol.md, "Record".
import { CHANNEL_COUNT } from "../core/site/lamps.ts";
import type { Channel, ChannelKind, FailureDisplay, SiteModel } from "../core/site/model.ts";
import { phaseOf } from "../core/site/model.ts";
import { crc32 } from "../wire/crc.ts";
import { RECORD_FORMAT, RECORD_LIMITS } from "./limits.ts";

export const RECORD_BYTES = 200;
const SITE_AT = 4;
const SITE_BYTES = 32;
const CHANNELS_AT = 36;
const CHANNEL_BYTES = 8;
const COMPATIBLE_AT = 164;
const CHECKSUM_AT = 196;

const KINDS: readonly ChannelKind[] = ["vehicle", "pedestrian"];
const FLASHES: readonly Channel["flash"][] = ["dark", "red", "yellow"];
const FAILURES: readonly FailureDisplay[] = ["flash-red", "all-red", "dark"];

/** One channel of a record, times in ms. */
export interface RecordChannel {
  readonly channel: number;
  readonly kind: ChannelKind | "unused";
  readonly flash: Channel["flash"];
  /** The vehicle channel whose green stays while this one walks or clears; null without. */
  readonly parallel: number | null;
  readonly yellowMs: number;
  readonly redClearanceMs: number;
  readonly pedestrianClearanceMs: number;
  /** Channels that may be lit together with it, rising. */
  readonly compatible: readonly number[];
}

export interface CabinetRecord {
  readonly format: number;
  readonly nodeId: string;
  readonly failureDisplay: FailureDisplay | null;
  readonly channels: readonly RecordChannel[];
  readonly checksum: number;
}

function within(name: string, value: number, limits: readonly [number, number]): number {
  if (!Number.isInteger(value) || value < limits[0] || value > limits[1]) {
    const range = `${limits[0]} to ${limits[1]}`;
    throw new Error(`the cabinet takes no ${name} of ${value} ms; use ${range}`);
  }
  return value;
}

function parallelOf(site: SiteModel, channel: Channel): number {
  const beside = site.channels.find(
    (other) => other.phase === channel.phase && other.kind === "vehicle",
  );
  return beside?.channel ?? 0;
}

function writeVehicle(view: DataView, at: number, site: SiteModel, channel: Channel): void {
  const phase = phaseOf(site, channel.phase);
  const name = `channel ${channel.channel}`;
  view.setUint8(at, 1 | (FLASHES.indexOf(channel.flash) << 4));
  view.setUint16(at + 2, within(`yellow on ${name}`, phase.yellowMs, RECORD_LIMITS.yellowMs), true);
  const clearance = within(
    `red clearance on ${name}`,
    phase.redClearanceMs,
    RECORD_LIMITS.redClearanceMs,
  );
  view.setUint16(at + 4, clearance, true);
}

function writePedestrian(view: DataView, at: number, site: SiteModel, channel: Channel): void {
  const phase = phaseOf(site, channel.phase);
  const name = `channel ${channel.channel}`;
  if (phase.pedestrian === null) throw new Error(`${name} walks with a phase without a walk`);
  view.setUint8(at, 2);
  view.setUint8(at + 1, parallelOf(site, channel));
  const clearance = within(
    `red clearance on ${name}`,
    phase.redClearanceMs,
    RECORD_LIMITS.redClearanceMs,
  );
  view.setUint16(at + 4, clearance, true);
  const walk = within(
    `pedestrian clearance on ${name}`,
    phase.pedestrian.clearanceMs,
    RECORD_LIMITS.pedestrianClearanceMs,
  );
  view.setUint16(at + 6, walk, true);
}

function allow(view: DataView, one: number, other: number): void {
  const at = COMPATIBLE_AT + 2 * (one - 1);
  view.setUint16(at, view.getUint16(at, true) | (1 << (other - 1)), true);
}

/**
 * The 200 bytes for this site. Throws with the channel's name when a time is outside what the
 * microcontroller takes; a site that `check` accepts compiles.
 */
export function compileRecord(site: SiteModel): Uint8Array {
  const bytes = new Uint8Array(RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set([0x53, 0x4c, RECORD_FORMAT, FAILURES.indexOf(site.failureDisplay)]);
  bytes.set(new TextEncoder().encode(site.node.id).subarray(0, SITE_BYTES), SITE_AT);
  for (const channel of site.channels) {
    const at = CHANNELS_AT + (channel.channel - 1) * CHANNEL_BYTES;
    if (channel.kind === "vehicle") writeVehicle(view, at, site, channel);
    else writePedestrian(view, at, site, channel);
  }
  for (const [one, other] of site.compatible) {
    allow(view, one, other);
    allow(view, other, one);
  }
  view.setUint32(CHECKSUM_AT, crc32(bytes, CHECKSUM_AT), true);
  return bytes;
}

/** CRC-32 over all but the checksum itself: what HELLO compares. */
export function recordChecksum(bytes: Uint8Array): number {
  return crc32(bytes, CHECKSUM_AT);
}

function readChannel(view: DataView, channel: number): RecordChannel {
  const at = CHANNELS_AT + (channel - 1) * CHANNEL_BYTES;
  const kinds = view.getUint8(at);
  const mask = view.getUint16(COMPATIBLE_AT + 2 * (channel - 1), true);
  const compatible: number[] = [];
  for (let other = 1; other <= CHANNEL_COUNT; other++) {
    if ((mask & (1 << (other - 1))) !== 0) compatible.push(other);
  }
  return {
    channel,
    kind: KINDS[(kinds & 0x0f) - 1] ?? "unused",
    flash: FLASHES[kinds >> 4] ?? "dark",
    parallel: view.getUint8(at + 1) || null,
    yellowMs: view.getUint16(at + 2, true),
    redClearanceMs: view.getUint16(at + 4, true),
    pedestrianClearanceMs: view.getUint16(at + 6, true),
    compatible,
  };
}

/** A record read back, or null when it is blank, damaged or of another format. */
export function decodeRecord(bytes: Uint8Array): CabinetRecord | null {
  if (bytes.length !== RECORD_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const checksum = view.getUint32(CHECKSUM_AT, true);
  if (bytes[0] !== 0x53 || bytes[1] !== 0x4c || bytes[2] !== RECORD_FORMAT) return null;
  if (checksum !== recordChecksum(bytes)) return null;
  const site = bytes.subarray(SITE_AT, SITE_AT + SITE_BYTES);
  const end = site.indexOf(0);
  return {
    format: RECORD_FORMAT,
    nodeId: new TextDecoder().decode(end < 0 ? site : site.subarray(0, end)),
    failureDisplay: FAILURES[bytes[3] ?? 0xff] ?? null,
    channels: Array.from({ length: CHANNEL_COUNT }, (_, index) => readChannel(view, index + 1)),
    checksum,
  };
}

const CHANNEL_WORDS: readonly [keyof RecordChannel, string][] = [
  ["kind", "kind"],
  ["flash", "flash colour"],
  ["parallel", "parallel channel"],
  ["yellowMs", "yellow"],
  ["redClearanceMs", "red clearance"],
  ["pedestrianClearanceMs", "pedestrian clearance"],
];

function shown(key: keyof RecordChannel, value: RecordChannel[keyof RecordChannel]): string {
  if (typeof value === "number" && key.endsWith("Ms")) return `${value / 1000} s`;
  return value === null ? "none" : String(value);
}

function channelDifference(one: RecordChannel, other: RecordChannel): string[] {
  const lines: string[] = [];
  for (const [key, word] of CHANNEL_WORDS) {
    if (one[key] === other[key]) continue;
    const was = shown(key, one[key]);
    lines.push(`channel ${one.channel}: ${word} ${was}, the other has ${shown(key, other[key])}`);
  }
  return lines;
}

function pairDifference(one: RecordChannel, other: RecordChannel): string[] {
  const lines: string[] = [];
  for (let pair = one.channel + 1; pair <= CHANNEL_COUNT; pair++) {
    const together = one.compatible.includes(pair);
    if (together === other.compatible.includes(pair)) continue;
    const words = together
      ? "may be lit together, in the other they conflict"
      : "conflict, in the other they may be lit together";
    lines.push(`channels ${one.channel} and ${pair} ${words}`);
  }
  return lines;
}

/**
 * What differs between two records, one line each in plain words, `one` first; empty when they are
 * equal. A blank or damaged record is one line.
 */
export function describeRecordDifference(one: Uint8Array, other: Uint8Array): string[] {
  const [first, second] = [decodeRecord(one), decodeRecord(other)];
  if (first === null && second === null) return ["both records are blank or damaged"];
  if (first === null) return ["this record is blank or damaged"];
  if (second === null) return ["the other record is blank or damaged"];
  const lines: string[] = [];
  if (first.nodeId !== second.nodeId) {
    lines.push(`written for ${first.nodeId}, the other for ${second.nodeId}`);
  }
  if (first.failureDisplay !== second.failureDisplay) {
    const [a, b] = [first.failureDisplay, second.failureDisplay];
    lines.push(`failure display ${a}, the other has ${b}`);
  }
  for (const [index, channel] of first.channels.entries()) {
    const opposite = second.channels[index];
    if (opposite === undefined) continue;
    lines.push(...channelDifference(channel, opposite), ...pairDifference(channel, opposite));
  }
  return lines;
}
