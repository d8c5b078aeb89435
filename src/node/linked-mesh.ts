// The mesh thread of a node with links in its site file: the mesh machine over real lanes. Keys
// that cannot be read leave the node alone, said on the console, and are tried again: lamps and log
// do not need them.
import type { ClockQuality } from "../core/site/view.ts";
import { realTimers } from "../log/timers.ts";
import { Lanes } from "../mesh/lanes/lanes.ts";
import { toldClock } from "../mesh/told-phases.ts";
import { Trust } from "../trust/judge.ts";
import { expiresInDays, type KeyFolder, KeyFolderError, readKeysOf } from "../trust/key-folder.ts";
import { openRevocation, RevocationError } from "../trust/revocation.ts";
import {
  type OpenedOrder,
  OrderError,
  type OrderRefusal,
  openOrder,
} from "../trust/signed-order.ts";
import type { HealthPart } from "../wire/health.ts";
import { ed25519Keys } from "../wire/keys.ts";
import { keysPart, WARN_DAYS } from "./keys-part.ts";
import { MeshBody } from "./mesh-body.ts";
import { type FromMesh, isTold, type LanesMesh, type ToMesh } from "./mesh-messages.ts";
import { meshSpans } from "./traced-change.ts";

const RETRY_MS = 10_000;

export class LinkedMesh {
  readonly #data: LanesMesh;
  readonly #tell: (message: FromMesh) => void;
  #clock: ClockQuality = "unsure";
  #body: MeshBody | null = null;
  #lanes: Lanes | null = null;
  #retry: NodeJS.Timeout | null = null;
  /** Came before there were keys. */
  readonly #waiting = new Map<string, ToMesh>();
  #said = "";

  constructor(data: LanesMesh, tell: (message: FromMesh) => void) {
    this.#data = data;
    this.#tell = tell;
    this.#begin();
  }

  take(message: ToMesh): void {
    if (isTold(message)) this.#clock = toldClock(message);
    if (this.#body !== null) this.#body.take(message);
    else if (isTold(message)) this.#waiting.set("phases", message);
    else if (message.kind !== "revoke" && message.kind !== "zone-order")
      this.#waiting.set(message.kind, message);
    else this.#tell({ kind: "ordered", token: message.token, refusal: this.#said });
  }

  async close(): Promise<void> {
    if (this.#retry !== null) clearTimeout(this.#retry);
    await this.#lanes?.close();
  }

  #begin(): void {
    try {
      this.#start(readKeysOf(this.#data.node, this.#data.keyFolder));
    } catch (error) {
      if (!(error instanceof KeyFolderError)) throw error;
      this.#alone(error.message);
      this.#retry = setTimeout(() => this.#begin(), RETRY_MS);
    }
  }

  #alone(text: string): void {
    if (text !== this.#said) this.#tell({ kind: "notice", level: "warn", text });
    this.#said = text;
    const neighbours = { wallMs: Date.now(), neighbours: [] };
    const part = { name: "neighbours", state: "failed", text } as const;
    this.#tell({ kind: "picture", picture: { neighbours, part, figures: [] } });
  }

  #start(folder: KeyFolder): void {
    const { node, links, neighbours, traces } = this.#data;
    this.#warn(folder);
    const lanes = new Lanes({
      own: node,
      place: links,
      neighbours,
      folder,
      onMessage: (neighbour, lane, bytes) => {
        this.#body?.step({ kind: "message", neighbour, lane, bytes });
      },
      onLink: (neighbour, up) => this.#body?.step({ kind: "link", neighbour, up }),
      onHeardAgain: (neighbour) => this.#body?.step({ kind: "heard-again", neighbour }),
      onNotice: (text) => this.#tell({ kind: "notice", level: "warn", text }),
      now: () => ({ wallMs: Date.now(), sure: this.#clock === "sure" }),
    });
    this.#lanes = lanes;
    const { revocations } = lanes;
    const trust = new Trust({ ca: folder.ca, place: node, revocations });
    this.#body = new MeshBody({
      node: node.id,
      neighbours: neighbours.map(({ id }) => id),
      keys: ed25519Keys(folder.key, lanes.members.keys),
      timers: realTimers,
      send: (neighbour, lane, bytes, klass) => {
        lanes.send(neighbour, lane, bytes, klass);
      },
      answer: (neighbour, bytes) => lanes.answer(neighbour, bytes),
      tell: this.#tell,
      refusals: () => lanes.counts,
      checkRevocation: (signed) => serialOf(signed, folder),
      openOrder: (signed) => openedOrder(signed, trust),
      onRevoked: (signed) => this.#revoked(lanes, signed),
      keysPart: () => this.#keysPart(lanes, folder),
      ...meshSpans(traces, this.#tell),
    });
    for (const signed of folder.revocations) {
      const refusal = this.#body.revoke(signed, "key folder");
      if (refusal !== null) {
        const text = `${folder.dir}: a revocation is not passed on: ${refusal}`;
        this.#tell({ kind: "notice", level: "warn", text });
        break;
      }
    }
    for (const message of this.#waiting.values()) this.#body.take(message);
    this.#waiting.clear();
    void lanes.open().then((problems) => {
      for (const text of problems) this.#tell({ kind: "notice", level: "warn", text });
    });
  }

  /** Cuts whom it names, before anybody else hears of it. */
  #revoked(lanes: Lanes, signed: Uint8Array): void {
    try {
      lanes.revoke(signed);
    } catch (error) {
      if (!(error instanceof RevocationError)) throw error;
      this.#tell({ kind: "notice", level: "warn", text: error.message });
    }
  }

  #keysPart({ revocations }: Lanes, { own }: KeyFolder): HealthPart {
    const wallMs = Date.now();
    return keysPart({
      wallMs,
      clockSure: this.#clock === "sure",
      certificateDays: expiresInDays(own, wallMs),
      ownRevoked: revocations.has(own.serial),
      revocations: revocations.size,
      newestMs: revocations.newestMs,
    });
  }

  #warn({ own }: KeyFolder): void {
    const days = expiresInDays(own, Date.now());
    if (days > WARN_DAYS) return;
    const text = `this node's certificate ends in ${Math.floor(days)} days; make a new one`;
    this.#tell({ kind: "notice", level: "warn", text: `${text}: stopline keys rotate` });
  }
}

/** The order in the bytes; the reason where it is none of an operator of this zone. */
function openedOrder(signed: Uint8Array, trust: Trust): OpenedOrder | OrderRefusal {
  try {
    return openOrder(signed, trust);
  } catch (error) {
    if (!(error instanceof OrderError)) throw error;
    return error.reason;
  }
}

/** The serial that a revocation names; null where this CA did not sign it. */
function serialOf(signed: Uint8Array, { ca }: KeyFolder): string | null {
  try {
    return openRevocation(signed, ca).serial;
  } catch (error) {
    if (!(error instanceof RevocationError)) throw error;
    return null;
  }
}
