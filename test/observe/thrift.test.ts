// A board that is unwell, and what its node goes without: stories of readings, a line each. A level
// is written behind each reading; `later` is minutes.
import t from "tap";
import {
  type BoardReading,
  NO_THRIFT,
  stepThrift,
  THRIFT_WORDS,
  type Thrift,
} from "../../src/observe/thrift.ts";

const WELL: BoardReading = {
  temperatureC: 45,
  memoryFreeBytes: 600e6,
  diskFreeBytes: 20e9,
  isUnderVoltage: false,
  isThrottled: false,
};

/** Minutes later, what is different from a well board, the level after it. */
type Line = readonly [later: number, reading: Partial<BoardReading>, level: number];

function story(lines: readonly Line[]): { levels: number[]; last: Thrift } {
  let [thrift, nowMs] = [NO_THRIFT, 0];
  const levels = lines.map(([later, reading]) => {
    nowMs += later * 60_000;
    thrift = stepThrift(thrift, { ...WELL, ...reading }, nowMs);
    return thrift.level;
  });
  return { levels, last: thrift };
}

const STORIES: Readonly<Record<string, readonly Line[]>> = {
  "a well board goes without nothing": [
    [0, {}, 0],
    [60, {}, 0],
  ],
  "a hot afternoon: up at once, down step by step": [
    [0, { temperatureC: 74 }, 0],
    [1, { temperatureC: 75 }, 1],
    [1, { temperatureC: 84 }, 3],
    [1, { temperatureC: 60 }, 3],
    [4, { temperatureC: 60 }, 3],
    [1, { temperatureC: 60 }, 2],
    [5, { temperatureC: 60 }, 1],
    [5, { temperatureC: 60 }, 0],
  ],
  "at the edge it does not swing": [
    [0, { temperatureC: 76 }, 1],
    [10, { temperatureC: 72 }, 1],
    [10, { temperatureC: 76 }, 1],
    [10, { temperatureC: 71 }, 1],
    [10, { temperatureC: 69 }, 1],
    [4, { temperatureC: 71 }, 1],
    [4, { temperatureC: 69 }, 1],
    [4, { temperatureC: 69 }, 1],
    [1, { temperatureC: 69 }, 0],
  ],
  "a disk that fills": [
    [0, { diskFreeBytes: 0.9e9 }, 1],
    [1, { diskFreeBytes: 0.4e9 }, 2],
    [1, { diskFreeBytes: 0.09e9 }, 3],
    [1, { diskFreeBytes: 0.12e9 }, 3],
    [20, { diskFreeBytes: 0.12e9 }, 3],
  ],
  "memory that goes, and one cause after the other": [
    [0, { memoryFreeBytes: 60e6 }, 2],
    [1, { memoryFreeBytes: 60e6, temperatureC: 85 }, 3],
    [1, { memoryFreeBytes: 60e6, temperatureC: 50 }, 3],
    [5, { memoryFreeBytes: 60e6, temperatureC: 50 }, 2],
    [30, { memoryFreeBytes: 60e6, temperatureC: 50 }, 2],
  ],
  "a weak supply takes telemetry alone": [
    [0, { isUnderVoltage: true }, 1],
    [1, { isUnderVoltage: true, isThrottled: true }, 2],
    [6, {}, 2],
    [5, {}, 1],
    [5, {}, 0],
  ],
  "a board without sensors": [
    [0, { temperatureC: null, diskFreeBytes: null, memoryFreeBytes: null }, 0],
  ],
};

for (const [name, lines] of Object.entries(STORIES)) {
  t.test(name, async (t) => {
    t.same(
      story(lines).levels,
      lines.map(([, , level]) => level),
    );
  });
}

t.test("the causes are named, and what is gone without", async (t) => {
  const { last } = story([[0, { temperatureC: 81, diskFreeBytes: 0.7e9 }, 2]]);
  t.same(last.causes, ["81 °C", "700 MB are left on the data disk"]);
  t.match(THRIFT_WORDS[last.level], "replays");
  t.same(story([[0, {}, 0]]).last, NO_THRIFT);
});
