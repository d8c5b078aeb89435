// Packets of one turn of the event loop: bounded in all and for each, first come first.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { Turns } from "../../src/broker/turns.ts";

/** Handles packets as long as it has its turn. */
class Client {
  handled = 0;
  readonly #turns: Turns;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  go(packets: number): void {
    for (let left = packets; left > 0; left -= 1) {
      if (!this.#turns.take(this, () => this.go(left))) return;
      this.handled += 1;
    }
  }
}

t.test(
  "many clients with a burst each: some of it in every turn, nobody is left out",
  async (t) => {
    const turns = new Turns();
    const clients = Array.from({ length: 20 }, () => new Client(turns));
    for (const client of clients) client.go(100);
    const handled = () => clients.map((client) => client.handled);
    const sum = () => handled().reduce((all, one) => all + one, 0);
    t.equal(sum(), 256, "in the first turn");
    t.ok(Math.max(...handled()) <= 32);
    for (let turn = 2; turn <= 4; turn += 1) {
      await nextTurn();
      t.ok(sum() <= 256 * turn, `after ${turn} turns`);
    }
    t.ok(Math.min(...handled()) > 0, "all had some before anybody had all");
    for (let turn = 5; sum() < 2_000 && turn < 100; turn += 1) await nextTurn();
    t.equal(sum(), 2_000);
  },
);

t.test("a client alone goes on in the next turn; one that has gone does not", async (t) => {
  const turns = new Turns();
  const [stays, goes] = [new Client(turns), new Client(turns)];
  stays.go(40);
  goes.go(40);
  turns.forget(goes);
  await nextTurn();
  await nextTurn();
  t.same([stays.handled, goes.handled], [40, 32]);
});
