// MQTT packets as raw bytes, for what no client library would send.

/** Text or bytes with their length in front. */
export function field(value: string | readonly number[]): number[] {
  const bytes = typeof value === "string" ? [...Buffer.from(value)] : [...value];
  return [bytes.length >> 8, bytes.length & 0xff, ...bytes];
}

/** A packet of the first byte and its content. */
export function packet(first: number, ...content: readonly number[]): number[] {
  const length: number[] = [];
  let rest = content.length;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return [first, ...length, ...content];
}

export interface ConnectParts {
  readonly protocol?: readonly number[];
  readonly flags?: number;
  readonly id?: string | readonly number[];
  /** What follows the client id: will, user name, password. */
  readonly rest?: readonly number[];
}

/** A CONNECT; without parts a good one with a clean session. */
export function connectBytes(parts: ConnectParts = {}): number[] {
  const { protocol = [...field("MQTT"), 4], flags = 0x02, id = "raw", rest = [] } = parts;
  return packet(0x10, ...protocol, flags, 0, 60, ...field(id), ...rest);
}

export function publishBytes(
  topic: string | readonly number[],
  { first = 0x30, id = [] as readonly number[], payload = [] as readonly number[] } = {},
): number[] {
  return packet(first, ...field(topic), ...id, ...payload);
}

export function subscribeBytes(id: number, ...filters: readonly string[]): number[] {
  const wanted = filters.flatMap((filter) => [...field(filter), 0]);
  return packet(0x82, id >> 8, id & 0xff, ...wanted);
}

export const PINGREQ: readonly number[] = [0xc0, 0];
export const CONNACK_OK: readonly number[] = [0x20, 2, 0, 0];
