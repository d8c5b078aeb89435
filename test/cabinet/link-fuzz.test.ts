// Whatever comes in, in whatever order: the link never throws, keeps no more than it needs, and
// writes nothing while it is closed.
import fc from "fast-check";
import t from "tap";
import { allRedOf, CabinetLink } from "../../src/cabinet/link.ts";
import type { LinkInput } from "../../src/cabinet/link-types.ts";
import { compileRecord, recordChecksum } from "../../src/cabinet/record.ts";
import { VirtualCabinet } from "../../src/cabinet/virtual.ts";
import { JUNCTION, show } from "../interlock/junction.ts";

const RECORD = compileRecord(JUNCTION);

function newLink(): CabinetLink {
  return new CabinetLink({
    record: RECORD,
    checksum: recordChecksum(RECORD),
    describeDifference: () => [],
    allRed: allRedOf(JUNCTION.channels),
    nonce: 0xffff_ffff,
  });
}

/** What a real cabinet sends in ten seconds, its answer to our first HELLO in front. */
function genuineBytes(): Uint8Array[] {
  const cabinet = new VirtualCabinet({ site: JUNCTION });
  const sent: Uint8Array[] = [];
  cabinet.onBytes = (bytes) => sent.push(bytes.slice());
  for (const effect of newLink().step({ kind: "opened" }, 0)) {
    if (effect.kind === "write") cabinet.receive(effect.bytes);
  }
  cabinet.setInput(3, true);
  cabinet.advance(10_000);
  return sent;
}

const GENUINE = genuineBytes();

const BYTES = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.constantFrom(...GENUINE),
  fc.constantFrom(...GENUINE.slice(0, 3)),
  fc
    .tuple(fc.constantFrom(...GENUINE), fc.nat(), fc.nat(255))
    .map(([bytes, at, value]) => bytes.with(at % bytes.length, value)),
);

const INPUT: fc.Arbitrary<LinkInput> = fc.oneof(
  BYTES.map((bytes): LinkInput => ({ kind: "bytes", bytes })),
  fc.constantFrom<LinkInput>(
    { kind: "tick" },
    { kind: "opened" },
    { kind: "closed", reason: "by the test" },
    { kind: "dropped" },
    { kind: "return" },
    { kind: "stop", cause: "operator" },
    { kind: "stop", cause: "interlock" },
    { kind: "display", display: show("GRGR GR") },
    { kind: "display", display: show("GGGG GG") },
  ),
);

t.test("any events in any order", async (t) => {
  let opened = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(400), INPUT), { maxLength: 120 }), (events) => {
      const link = newLink();
      let nowMs = 0;
      link.step({ kind: "opened" }, nowMs);
      for (const [waitMs, input] of events) {
        nowMs += waitMs;
        if (link.step(input, nowMs).length > 400) return false;
        if (link.view(nowMs).session) opened += 1;
        link.feedback(nowMs);
      }
      return link.sensed().length === 16 && link.commanded().length === 16;
    }),
    { numRuns: 1500, seed: 8 },
  );
  t.ok(opened > 0, `a session stood after ${opened} events`);
});

t.test("a closed link writes nothing, whatever is asked", async (t) => {
  fc.assert(
    fc.property(fc.array(INPUT, { maxLength: 60 }), (inputs) => {
      const link = newLink();
      return inputs
        .filter((input) => input.kind !== "opened")
        .every((input, index) => {
          return link.step(input, index * 50).every((effect) => effect.kind !== "write");
        });
    }),
    { numRuns: 500, seed: 8 },
  );
  t.pass("500 runs");
});
