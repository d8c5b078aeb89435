// The keyboard in a list whose rows have a button each: one of them is a stop of the tab key, the
// arrows lead from row to row. Rows come and go under it.

export class RowFocus {
  readonly #list: HTMLElement;

  constructor(list: HTMLElement) {
    this.#list = list;
    list.addEventListener("keydown", (event) => this.#onKey(event));
    list.addEventListener("focusin", ({ target }) => {
      if (target instanceof HTMLButtonElement) this.#stopAt(target);
    });
  }

  /** After rows have changed: the newest one is the stop, unless somebody is among them. */
  settle(): void {
    const buttons = this.#buttons();
    const isHere = this.#list.contains(document.activeElement);
    const kept = isHere ? buttons.find(({ tabIndex }) => tabIndex === 0) : undefined;
    this.#stopAt(kept ?? buttons[0]);
  }

  /** Takes a row out; a focus on it goes to the list. */
  remove(row: HTMLElement): void {
    if (row.contains(document.activeElement)) this.#list.focus();
    row.remove();
  }

  #buttons(): HTMLButtonElement[] {
    return [...this.#list.querySelectorAll("button")];
  }

  #stopAt(stop: HTMLButtonElement | undefined): void {
    for (const button of this.#buttons()) button.tabIndex = button === stop ? 0 : -1;
  }

  #onKey(event: KeyboardEvent): void {
    const buttons = this.#buttons();
    const { target } = event;
    const at = target instanceof HTMLButtonElement ? buttons.indexOf(target) : -1;
    const to = at < 0 ? undefined : buttons.at(stepTo(event.key, at, buttons.length));
    if (to === undefined || to === target) return;
    event.preventDefault();
    to.focus();
  }
}

/** Where a key leads from the button `at`. */
function stepTo(key: string, at: number, count: number): number {
  switch (key) {
    case "ArrowDown":
      return Math.min(at + 1, count - 1);
    case "ArrowUp":
      return Math.max(at - 1, 0);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return at;
  }
}
