// The ways to the neighbours, put together: this node's listener, its own connection to each of
// them, the fast lane under the keys of those sessions, and the certificates of the zone. Lives and
// dies in the mesh thread; no key leaves it.
//
// A neighbour is linked from its reliable lane on, and while either lane reaches it. What is to go
// fast goes reliably where the fast lane is silent or its share is used up; what is to go reliably
// waits for nobody: the mesh machine repeats what matters.
import type { LinkPlace, NeighbourSite, SiteModel } from "../../core/site/model.ts";
import { realTimers } from "../../log/timers.ts";
import { Trust, type WallTime } from "../../trust/judge.ts";
import type { KeyFolder } from "../../trust/key-folder.ts";
import { Revocations } from "../../trust/revocation.ts";
import type { Lane, SendClass } from "../mesh-types.ts";
import { Acceptor } from "./acceptor.ts";
import { MemberCertificates } from "./certificates.ts";
import { Dialler } from "./dialler.ts";
import { FastLane } from "./fast-lane.ts";
import { type SessionEvents, SessionNumbers, type ToNeighbour } from "./session.ts";
import { FastSocket } from "./udp.ts";

/** Expired or revoked: cut within this time (MESH section 2). */
const SWEEP_MS = 5_000;

export interface LanesOptions {
  readonly own: SiteModel["node"];
  readonly place: LinkPlace;
  readonly neighbours: readonly NeighbourSite[];
  readonly folder: KeyFolder;
  readonly onMessage: (neighbour: string, lane: Lane, bytes: Uint8Array) => void;
  readonly onLink: (neighbour: string, up: boolean) => void;
  /** The fast lane brings acknowledgements again, after a gap. */
  readonly onHeardAgain: (neighbour: string) => void;
  /** Something a person should know. */
  readonly onNotice: (text: string) => void;
  readonly now: () => WallTime;
}

export class Lanes {
  readonly members: MemberCertificates;
  readonly counts = new Map<string, number>();
  readonly #options: LanesOptions;
  /** Grown by `revoke` alone. */
  readonly revocations: Revocations;
  readonly #trust: Trust;
  readonly #acceptor: Acceptor;
  readonly #diallers = new Map<string, Dialler>();
  readonly #fast = new FastLane();
  /** Null until it is bound, or where it could not be. */
  #socket: FastSocket | null = null;
  /** Neighbours that the fast lane reaches. */
  readonly #usable = new Set<string>();
  readonly #linked = new Set<string>();
  /** Reasons that were said, until they have been silent for a while. */
  readonly #said = new Map<string, number>();
  #sweep: NodeJS.Timeout | null = null;

  constructor(options: LanesOptions) {
    const { own, neighbours, folder, now } = options;
    this.#options = options;
    this.revocations = new Revocations(folder.ca);
    for (const bytes of folder.revocations) this.revocations.add(bytes);
    this.#trust = new Trust({ ca: folder.ca, place: own, revocations: this.revocations });
    this.members = new MemberCertificates(this.#trust, folder.own);
    const numbers = new SessionNumbers();
    const events: SessionEvents = {
      opened: (neighbour, session, material) => {
        this.#fast.opened(neighbour, session, material, own.id, performance.now());
        this.#socket?.wake();
      },
      closed: (neighbour, session) => {
        this.#fast.closed(neighbour, session, performance.now());
        this.#socket?.wake();
      },
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
      this.#fast.address(neighbour.id, neighbour.address, neighbour.fastPort);
      const onUp = (up: boolean): void => this.#reached(neighbour.id, up);
      const onAnswer = (bytes: Uint8Array): void => {
        options.onMessage(neighbour.id, "reliable", bytes);
      };
      this.#diallers.set(neighbour.id, new Dialler({ ...shared, neighbour, onUp, onAnswer }));
    }
  }

  /** Listens and dials; a line for each place that could not be opened, with the way out. */
  async open(): Promise<string[]> {
    const { address, fastPort, reliablePort } = this.#options.place;
    const problems: string[] = [];
    const open = async (place: string, opening: Promise<unknown>): Promise<void> => {
      try {
        await opening;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? String(error);
        const way = "stop the other program, or change links in the site file";
        problems.push(`neighbours can't reach ${place} of this node (${code}); ${way}`);
      }
    };
    await open(`UDP ${address}:${fastPort}`, this.#bind());
    for (const dialler of this.#diallers.values()) dialler.start();
    this.#sweep = setInterval(() => this.sweep(), SWEEP_MS);
    await open(`TCP ${address}:${reliablePort}`, this.#acceptor.open());
    return problems;
  }

  async #bind(): Promise<void> {
    const { place, onMessage, onHeardAgain } = this.#options;
    this.#socket = await FastSocket.bind({
      lane: this.#fast,
      address: place.address,
      port: place.fastPort,
      timers: realTimers,
      onMessage: (neighbour, bytes) => onMessage(neighbour, "fast", bytes),
      onUsable: (neighbour, usable) => {
        if (usable) this.#usable.add(neighbour);
        else this.#usable.delete(neighbour);
        this.#look(neighbour);
      },
      onHeardAgain,
      onCount: (reason) => this.#count(reason),
    });
  }

  /** Neighbours that the fast lane reaches now. */
  get fast(): ReadonlySet<string> {
    return this.#usable;
  }

  /** False where nothing can be sent now. */
  send(neighbour: string, lane: Lane, bytes: Uint8Array, klass: SendClass): boolean {
    if (lane === "fast" && this.#socket?.send(neighbour, bytes, klass) === true) return true;
    return this.#diallers.get(neighbour)?.publish("state", bytes) ?? false;
  }

  /**
   * Goes to whoever speaks to this node under that name, which may be another machine than the one
   * that stands at the neighbour's address.
   */
  answer(neighbour: string, bytes: Uint8Array): void {
    this.#acceptor.answer(neighbour, bytes);
  }

  /** Takes a revocation for good, and cuts whom it names; throws `RevocationError`. */
  revoke(bytes: Uint8Array): "added" | "known" {
    const taken = this.revocations.add(bytes);
    if (taken === "added") this.sweep();
    return taken;
  }

  /** Looks at every live session again. */
  sweep(): void {
    // Keys end with whoever they were agreed with, at once; only a broken cable leaves them.
    for (const id of this.#acceptor.sweep()) this.#fast.revoked(id);
    for (const [id, dialler] of this.#diallers) if (dialler.sweep()) this.#fast.revoked(id);
    this.#socket?.wake();
    this.members.sweep(this.#options.now());
  }

  async close(): Promise<void> {
    if (this.#sweep !== null) clearInterval(this.#sweep);
    for (const dialler of this.#diallers.values()) dialler.close();
    this.#socket?.close();
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

  #reached(neighbour: string, up: boolean): void {
    if (up) {
      const dialler = this.#diallers.get(neighbour);
      for (const der of this.members.all()) dialler?.publish("certificate", der);
    }
    this.#look(neighbour);
  }

  #look(neighbour: string): void {
    const was = this.#linked.has(neighbour);
    const reliable = this.#diallers.get(neighbour)?.up === true;
    const up = reliable || (was && this.#usable.has(neighbour));
    if (up === was) return;
    if (up) this.#linked.add(neighbour);
    else this.#linked.delete(neighbour);
    this.#options.onLink(neighbour, up);
  }

  #count(reason: string): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
  }

  #refused(reason: string, text: string): void {
    this.#count(reason);
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
