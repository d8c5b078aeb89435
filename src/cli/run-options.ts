// What `run` and `demo` have in common on the command line.
import { parseDurationMs } from "./duration.ts";
import { type OptionShape, parseOptions } from "./options.ts";

export const RUN_SHAPES: Readonly<Record<string, OptionShape>> = {
  config: { type: "string" },
  data: { type: "string" },
  for: { type: "string" },
  "sim-neighbours": { type: "string" },
  corridor: { type: "string" },
  service: { type: "boolean" },
};

export interface RunOptions {
  readonly file: string | null;
  /** Null where nobody named one: then it is a new temporary folder, made when the node starts. */
  readonly dataDir: string | null;
  readonly forMs: number | null;
  readonly service: boolean;
  /** Nodes of the simulator that it gets for neighbours. */
  readonly simNeighbours: number;
  /** Junctions in a row, each its own process; 0 for one junction alone. */
  readonly corridor: number;
}

/** As many as the page can show at a glance. */
const MAX_SIM_NEIGHBOURS = 8;
/** A process of some 150 MB each. */
const MAX_CORRIDOR = 8;

/** The options of a run, or one problem in words. */
export function parseRunOptions(
  args: readonly string[],
): RunOptions | { readonly problem: string } {
  const parsed = parseOptions(args, RUN_SHAPES);
  if (!parsed.ok) return { problem: parsed.problem };
  const { values, rest } = parsed;
  const files = [values.config, ...rest].filter((value) => typeof value === "string");
  if (files.length > 1) return { problem: `one site file, not ${files.length}` };
  const forText = values.for;
  const forMs = typeof forText === "string" ? parseDurationMs(forText) : null;
  if (typeof forText === "string" && forMs === null) {
    return { problem: `--for ${forText} is no duration; use 20s, 5m or 1h` };
  }
  const simNeighbours = counted(values["sim-neighbours"], 0, MAX_SIM_NEIGHBOURS);
  if (simNeighbours === null) {
    const asked = String(values["sim-neighbours"]);
    return { problem: `--sim-neighbours ${asked} is no number from 0 to ${MAX_SIM_NEIGHBOURS}` };
  }
  const corridor = counted(values.corridor, 2, MAX_CORRIDOR);
  if (corridor === null) {
    const asked = String(values.corridor);
    return { problem: `--corridor ${asked} is no number from 2 to ${MAX_CORRIDOR}` };
  }
  return {
    file: files[0] ?? null,
    dataDir: typeof values.data === "string" ? values.data : null,
    forMs,
    service: values.service === true,
    simNeighbours,
    corridor,
  };
}

/** 0 for what was not given, null for what is no whole number between the bounds. */
function counted(text: string | boolean | undefined, least: number, most: number): number | null {
  if (text === undefined) return 0;
  const count = Number(text);
  return Number.isInteger(count) && count >= least && count <= most ? count : null;
}
