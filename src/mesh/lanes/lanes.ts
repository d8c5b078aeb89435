// The ways to the neighbours, put together: this node's listener, its own connection to each of
// them, and the certificates of the zone. Lives and dies in the mesh thread; no key leaves it.
import type { LinkPlace, NeighbourSite, SiteModel } from "../../core/site/model.ts";
import { Trust, type WallTime } from "../../trust/judge.ts";
import type { KeyFolder } from "../../trust/key-folder.ts";
import { Revocations } from "../../trust/revocation.ts";
import type { Lane } from "../mesh-types.ts";
import { Acceptor } from "./acceptor.ts";
import { MemberCertificates } from "./certificates.ts";
import { Dialler } from "./dialler.ts";
import { SessionNumbers, type ToNeighbour } from "./session.ts";

/** Expired or revoked: cut within this time (MESH section 2). */
const SWEEP_MS = 5_000;

export interface LanesOptions {
  readonly own: SiteModel["node"];
  readonly place: LinkPlace;
  readonly neighbours: readonly NeighbourSite[];
  readonly folder: KeyFolder;
  readonly onMessage: (neighbour: string, lane: Lane, bytes: Uint8Array) => void;
  readonly onLink: (neighbour: string, up: boolean) => void;
  /** Something a person should know. */
  readonly onNotice: (text: string) => void;
  readonly now: () => WallTime;
}

export class Lanes {
  readonly members: MemberCertificates;
  readonly counts = new Map<string, number>();
  readonly #options: LanesOptions;
  readonly #revocations: Revocations;
  readonly #trust: Trust;
  readonly #acceptor: Acceptor;
  readonly #diallers = new Map<string, Dialler>();
  /** Reasons that were said, until they have been silent for a while. */
  readonly #said = new Map<string, number>();
  #sweep: NodeJS.Timeout | null = null;

  constructor(options: LanesOptions) {
    const { own, neighbours, folder, now } = options;
    this.#options = options;
    this.#revocations = new Revocations(folder.ca);
    for (const bytes of folder.revocations) this.#revocations.add(bytes);
    this.#trust = new Trust({ ca: folder.ca, place: own, revocations: this.#revocations });
    this.members = new MemberCertificates(this.#trust, folder.own);
    const numbers = new SessionNumbers();
    const events = {
      opened: () => undefined,
      closed: () => undefined,
      refused: (reason: string, text: string) => this.#refused(reason, text),
    };
    const shared = { own, folder, trust: this.#trust, numbers, events, now };
    this.#acceptor = new Acceptor({
      ...shared,
      place: options.place,
      neighbours,
      onMessage: (neighbour, what, bytes) => this.#received(neighbour, what, bytes),
    });
    for (const neighbour of neighbours) {
      const onUp = (up: boolean): void => this.#linked(neighbour.id, up);
      this.#diallers.set(neighbour.id, new Dialler({ ...shared, neighbour, onUp }));
    }
  }

  /** Listens and dials; null, or why the listener could not be opened and the way out. */
  async open(): Promise<string | null> {
    for (const dialler of this.#diallers.values()) dialler.start();
    this.#sweep = setInterval(() => this.sweep(), SWEEP_MS);
    try {
      await this.#acceptor.open();
      return null;
    } catch (error) {
      const { address, reliablePort } = this.#options.place;
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      return (
        `neighbours can't reach this node: ${address}:${reliablePort} can't be opened (${code}); ` +
        "stop the other program, or change links in the site file"
      );
    }
  }

  /** False where nothing can be sent now. */
  send(neighbour: string, _lane: Lane, bytes: Uint8Array): boolean {
    return this.#diallers.get(neighbour)?.publish("state", bytes) ?? false;
  }

  /** Takes a revocation for good, and cuts whom it names; throws `RevocationError`. */
  revoke(bytes: Uint8Array): "added" | "known" {
    const taken = this.#revocations.add(bytes);
    if (taken === "added") this.sweep();
    return taken;
  }

  /** Looks at every live session again. */
  sweep(): void {
    this.#acceptor.sweep();
    for (const dialler of this.#diallers.values()) dialler.sweep();
    this.members.sweep(this.#options.now());
  }

  async close(): Promise<void> {
    if (this.#sweep !== null) clearInterval(this.#sweep);
    for (const dialler of this.#diallers.values()) dialler.close();
    await this.#acceptor.close();
  }

  #received(neighbour: string, what: ToNeighbour, bytes: Uint8Array): void {
    if (what === "state") {
      this.#options.onMessage(neighbour, "reliable", bytes);
      return;
    }
    const taken = this.members.add(bytes, this.#options.now());
    if (taken === "new") this.#tellCertificate(bytes, neighbour);
    else if (taken !== "known")
      this.#refused(taken, `${neighbour} passed on a certificate: ${taken}`);
  }

  #tellCertificate(der: Uint8Array, from: string): void {
    for (const [id, dialler] of this.#diallers) {
      if (id !== from) dialler.publish("certificate", der);
    }
  }

  #linked(neighbour: string, up: boolean): void {
    if (up) {
      const dialler = this.#diallers.get(neighbour);
      for (const der of this.members.all()) dialler?.publish("certificate", der);
    }
    this.#options.onLink(neighbour, up);
  }

  #refused(reason: string, text: string): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
    const nowMs = performance.now();
    const saidMs = this.#said.get(text);
    if (saidMs !== undefined && nowMs - saidMs < NOTICE_EVERY_MS) return;
    if (this.#said.size >= MAX_SAID) this.#said.clear();
    this.#said.set(text, nowMs);
    this.#options.onNotice(text);
  }
}

/** The same line again after so long; a flood of refusals is a number, not a flood of lines. */
const NOTICE_EVERY_MS = 600_000;
const MAX_SAID = 64;
