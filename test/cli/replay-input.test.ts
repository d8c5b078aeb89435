// Recordings as they are, and each way in which one can be none.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type Recording, readRecording, timestampMs } from "../../src/cli/replay-input.ts";

const HEAD = "timestamp,event,parameter\n";
const GOOD = "2024-04-15T12:00:00.1Z,82,4\n";

const folder = t.testdir({});

function recording(text: string | Buffer): string {
  const file = join(folder, "recording.csv");
  writeFileSync(file, text);
  return file;
}

async function readText(text: string): Promise<Recording> {
  const read = await readRecording(recording(text));
  if (!read.ok) throw new Error(read.problem);
  return read.recording;
}

t.test("only detectors and buttons are kept", async (t) => {
  const found = await readText(
    [
      HEAD.trim(),
      "2024-04-15T12:00:00.000Z,1,5",
      "2024-04-15T12:00:00.1Z,82,4",
      "2024-04-15T12:00:00.1Z,81,4",
      "2024-04-15T12:00:01Z,90,6",
      "2024-04-15T12:00:01.25Z,89,6",
      "2024-04-15T12:00:02Z,301,200000",
    ].join("\n"),
  );
  const startMs = Date.UTC(2024, 3, 15, 12);
  t.same(found, {
    edges: [
      { atMs: startMs + 100, pedestrian: false, detector: 4, on: true },
      { atMs: startMs + 100, pedestrian: false, detector: 4, on: false },
      { atMs: startMs + 1000, pedestrian: true, detector: 6, on: true },
      { atMs: startMs + 1250, pedestrian: true, detector: 6, on: false },
    ],
    rows: 6,
    firstMs: startMs,
    lastMs: startMs + 2000,
  });
});

t.test("line ends of Windows, a byte order mark and a missing last line end", async (t) => {
  t.equal((await readText(`\ufeff${HEAD}${GOOD}`.replaceAll("\n", "\r\n"))).edges.length, 1);
  t.equal((await readText(`${HEAD}${GOOD}\n${GOOD.trim()}`)).edges.length, 2);
});

t.test("many rows, across the chunks of the file", async (t) => {
  const rows = Array.from({ length: 20_000 }, (_, at) => {
    const stamp = new Date(Date.UTC(2024, 3, 15) + at * 100).toISOString();
    return `${stamp},${at % 2 === 0 ? 82 : 81},${1 + (at % 60)}`;
  });
  const { edges: found } = await readText(HEAD + rows.join("\n"));
  t.equal(found.length, 20_000);
  t.equal(found.at(-1)?.atMs, Date.UTC(2024, 3, 15) + 19_999 * 100);
});

t.test("each malformed line is named with its number", async (t) => {
  const table: readonly [string, RegExp][] = [
    ["", /^\/recording\.csv:1: an empty file is no recording/],
    ["time,code,x\n", /:1: "time,code,x" is no header; use timestamp,event,parameter/],
    [GOOD, /:1: .* is no header/],
    [HEAD, /:1: a recording without events 81, 82, 89 and 90 moves nothing/],
    [`${HEAD}2024-04-15T12:00:00Z,1,5\n`, /:2: a recording without events/],
    [`${HEAD}${GOOD}2024-04-15T12:00:01Z,82\n`, /:3: .* has 2 fields; use three/],
    [`${HEAD}2024-04-15T12:00:01Z,82,4,9\n`, /:2: .* has 4 fields/],
    [`${HEAD}15.4.2024 12:00,82,4\n`, /:2: "15\.4\.2024 12:00" is no time; use UTC such as/],
    [`${HEAD}2024-04-15T12:00:00+02:00,82,4\n`, /:2: .* is no time/],
    [`${HEAD}2024-02-31T12:00:00Z,82,4\n`, /:2: "2024-02-31T12:00:00Z" is no time/],
    [`${HEAD}2024-04-15T12:00:61Z,82,4\n`, /:2: .* is no time/],
    [`${HEAD}2024-04-15T12:00:00Z,on,4\n`, /:2: "on" is no event code/],
    [`${HEAD}2024-04-15T12:00:00Z,-82,4\n`, /:2: "-82" is no event code/],
    [`${HEAD}2024-04-15T12:00:00Z,82,4.5\n`, /:2: "4\.5" is no parameter/],
    [`${HEAD}2024-04-15T12:00:00Z,82,\n`, /:2: "" is no parameter/],
    [`${HEAD}2024-04-15T12:00:00Z,82,0\n`, /:2: 0 is no detector channel; use 1 to 255/],
    [`${HEAD}2024-04-15T12:00:00Z,82,256\n`, /:2: 256 is no detector channel/],
    [`${HEAD}${GOOD}2024-04-15T12:00:00.0Z,81,4\n`, /:3: .* is before the row above/],
    [`${HEAD}${GOOD}2024-05-15T12:00:00.0Z,81,4\n`, /:3: .* is over a week after the row above/],
    [`${HEAD}${"x".repeat(1_000_000)}`, /:2: "x{60}…" is too long/],
    [`${HEAD}\u0000\u0001,\u0002,3\n`, /:2: "\\u0000\\u0001" is no time/],
  ];
  for (const [text, pattern] of table) {
    const read = await readRecording(recording(text));
    t.match(read.ok ? "read" : read.problem.replace(folder, ""), pattern);
  }
});

t.test("a file that isn't there, and a folder", async (t) => {
  const read = async (file: string) => {
    const result = await readRecording(file);
    return result.ok ? "read" : result.problem;
  };
  t.match(await read(join(folder, "none.csv")), /none\.csv: no such file; use the path of a/);
  t.match(await read(folder), /it can't be read \(EISDIR\)/);
});

t.test("times to a millisecond", async (t) => {
  t.equal(timestampMs("2024-04-15T12:00:00.0Z"), Date.UTC(2024, 3, 15, 12));
  t.equal(timestampMs("2024-04-15T12:00:00.123456Z"), Date.UTC(2024, 3, 15, 12) + 123);
  t.equal(timestampMs("2024-04-15 12:00:00Z"), null);
});
