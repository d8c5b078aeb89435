// What nodes know to be revoked, from start to start and at the end.
import type { Judge } from "./invariants/invariant.ts";
import { revokedStaysSo } from "./invariants/state.ts";
import type { SimNode } from "./node.ts";

export class RevocationWatch {
  readonly #judge: Judge;
  /** Serials that a node has said after the commit, by node, while its disk lost nothing. */
  readonly #said = new Map<string, Set<string>>();

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  /** A node that shares its state, now and then. */
  look(node: SimNode): void {
    const { mesh } = node.mesh ?? {};
    if (mesh === undefined || mesh.state !== "sharing") return;
    const said = this.#said.get(node.id) ?? new Set<string>();
    if (node.damages > 0) said.clear();
    this.#said.set(node.id, said);
    const known = new Set(mesh.revoked());
    for (const serial of said) this.#ask(node, serial, known.has(serial));
    for (const key of mesh.replica(2).keys("revocations", node.id)) said.add(String(key));
  }

  /** At the end, with every link up: what one of them has said all of them know. */
  settle(nodes: readonly SimNode[]): void {
    const said = new Set([...this.#said.values()].flatMap((serials) => [...serials]));
    for (const node of nodes) {
      const known = new Set(node.mesh?.mesh.revoked() ?? []);
      for (const serial of said) this.#ask(node, serial, known.has(serial));
    }
  }

  #ask(node: SimNode, serial: string, known: boolean): void {
    this.#judge.ask(revokedStaysSo, node.id, serial, known);
  }
}
