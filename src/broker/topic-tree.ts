// Values filed under topic filters, found by topic. One level of the filter is one level of the
// tree, so a lookup costs what the topic's depth costs, however many filters there are.

interface Branch<T> {
  readonly children: Map<string, Branch<T>>;
  readonly values: Set<T>;
}

function branch<T>(): Branch<T> {
  return { children: new Map(), values: new Set() };
}

export class TopicTree<T> {
  readonly #root: Branch<T> = branch();

  add(filter: string, value: T): void {
    let at = this.#root;
    for (const level of filter.split("/")) {
      let next = at.children.get(level);
      if (next === undefined) {
        next = branch();
        at.children.set(level, next);
      }
      at = next;
    }
    at.values.add(value);
  }

  /** Takes the value out and prunes what became empty. */
  remove(filter: string, value: T): void {
    const path: { parent: Branch<T>; level: string }[] = [];
    let at = this.#root;
    for (const level of filter.split("/")) {
      const next = at.children.get(level);
      if (next === undefined) return;
      path.push({ parent: at, level });
      at = next;
    }
    at.values.delete(value);
    for (const { parent, level } of path.reverse()) {
      const child = parent.children.get(level);
      if (child === undefined || child.values.size > 0 || child.children.size > 0) return;
      parent.children.delete(level);
    }
  }

  /** Every value whose filter matches; a value filed under two of them comes twice. */
  match(topic: string): T[] {
    const found: T[] = [];
    const system = topic.startsWith("$");
    let level: Branch<T>[] = [this.#root];
    const names = topic.split("/");
    for (const [index, name] of names.entries()) {
      const next: Branch<T>[] = [];
      for (const at of level) this.#step(at, name, system && index === 0, { next, found });
      level = next;
    }
    for (const at of level) {
      found.push(...(at.children.get("#")?.values ?? []));
      found.push(...at.values);
    }
    return found;
  }

  #step(
    at: Branch<T>,
    name: string,
    literal: boolean,
    out: { next: Branch<T>[]; found: T[] },
  ): void {
    const exact = at.children.get(name);
    if (exact !== undefined) out.next.push(exact);
    if (literal) return;
    const any = at.children.get("+");
    if (any !== undefined) out.next.push(any);
    const rest = at.children.get("#");
    if (rest !== undefined) out.found.push(...rest.values);
  }

  /** True when somebody would get a message on `topic`. */
  has(topic: string): boolean {
    return this.match(topic).length > 0;
  }
}
