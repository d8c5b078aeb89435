// One return code per filter [MQTT-3.8.4-5]. Aedes merges equal filters of one SUBSCRIBE and
// answers with one code for all of them; a client that counts takes the wrong codes for its
// filters. This notes such a SUBSCRIBE on its way in and puts the codes right on the way out.
import { lengthBytes } from "../wire/publish.ts";
import { remainingLength, subscribeFilters } from "./packets.ts";

const SUBACK = 9;
const REFUSED = 0x80;

interface Wanted {
  readonly qos: number;
  /** Its place among the distinct filters, in the order in which they first appear. */
  readonly place: number;
}

export class SubackRepair {
  readonly #waiting = new Map<number, readonly Wanted[]>();

  /** A checked SUBSCRIBE on its way in. */
  note(packet: Buffer, content: number): void {
    const { id, filters } = subscribeFilters(packet, content);
    const places = new Map<string, number>();
    for (const { filter } of filters) {
      if (!places.has(filter)) places.set(filter, places.size);
    }
    if (places.size === filters.length) return;
    this.#waiting.set(
      id,
      filters.map(({ filter, qos }) => ({ qos, place: places.get(filter) ?? 0 })),
    );
  }

  /** Bytes on their way out, always whole packets. */
  apply(bytes: Buffer): Buffer {
    if (this.#waiting.size === 0) return bytes;
    const out: Buffer[] = [];
    for (let rest = bytes; rest.length > 0; ) {
      const length = remainingLength(rest);
      const end = length === null ? rest.length : length.next + length.value;
      out.push(this.#repair(rest.subarray(0, end), length?.next ?? 0));
      rest = rest.subarray(end);
    }
    return Buffer.concat(out);
  }

  #repair(packet: Buffer, content: number): Buffer {
    if (packet.readUInt8(0) >> 4 !== SUBACK || packet.length < content + 2) return packet;
    const id = packet.readUInt16BE(content);
    const wanted = this.#waiting.get(id);
    if (wanted === undefined) return packet;
    this.#waiting.delete(id);
    const codes = packet.subarray(content + 2);
    const repaired = wanted.map(({ qos, place }) => (codes[place] === REFUSED ? REFUSED : qos));
    const head = [SUBACK << 4, ...lengthBytes(repaired.length + 2), id >> 8, id & 0xff];
    return Buffer.from([...head, ...repaired]);
  }
}
