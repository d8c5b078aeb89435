// Our encoding beside Protobuf, FlatBuffers and JSON, for the three messages that a node sends
// most: a change of one phase, a SPaT of eight phases, one detector event. Bytes, and the time to
// encode a message and to decode it into fields that can be used. Ours checks every field on the
// way, as it must for what strangers send; the others only parse.
//
// Slices of all subjects take turns, so that a busy moment of the machine meets all of them alike.
import { FLATBUFFERS } from "./support/encodings/flat.ts";
import { DELTA, EVENT, JSON_TEXT, OWN, SPAT, type Subject } from "./support/encodings/messages.ts";
import { PROTOBUF } from "./support/encodings/protobuf.ts";
import { type Measured, report } from "./support/figures.ts";

const SLICES = 15;
const SLICE_MS = 20;

interface Task {
  readonly figure: string;
  readonly run: () => unknown;
  readonly times: number[];
}

const ENCODINGS = {
  own: OWN,
  protobuf: PROTOBUF,
  flatbuffers: FLATBUFFERS,
  json: JSON_TEXT,
} as const;
const MESSAGES = { delta: DELTA, spat: SPAT, event: EVENT } as const;

/** What the loops make, so that no run can be left out. */
let sink = 0;

function sliceUs(run: () => unknown): number {
  const before = performance.now();
  let count = 0;
  let ms = 0;
  do {
    for (let index = 0; index < 50; index += 1) sink += run() === undefined ? 1 : 0;
    count += 50;
    ms = performance.now() - before;
  } while (ms < SLICE_MS);
  return (ms * 1_000) / count;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const sizes: Measured[] = [];
const tasks: Task[] = [];
for (const [name, message] of Object.entries(MESSAGES)) {
  for (const [encoding, subjects] of Object.entries(ENCODINGS)) {
    const subject = subjects[name as keyof typeof subjects] as Subject<unknown>;
    const bytes = subject.encode(message);
    const figure = `${name}_${encoding}`;
    sizes.push({ figure: `${figure}_bytes`, value: bytes.length, unit: "B" });
    tasks.push(
      { figure: `${figure}_encode_us`, run: () => subject.encode(message), times: [] },
      { figure: `${figure}_decode_us`, run: () => subject.decode(bytes), times: [] },
    );
  }
}

for (const { run } of tasks) sliceUs(run);
for (let slice = 0; slice < SLICES; slice += 1) {
  for (const { run, times } of tasks) times.push(sliceUs(run));
}
if (sink !== 0) throw new Error("a codec gave nothing");
report("encodings", [
  ...sizes,
  ...tasks.map(({ figure, times }) => ({ figure, value: median(times), unit: "us" })),
]);
