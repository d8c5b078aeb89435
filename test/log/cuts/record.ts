// A real process whose every change to files below one folder is written down by `record.c`.
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("./record.c", import.meta.url));

/** One thing that the process did, in the kernel's order. Paths are relative to the root. */
export type Operation =
  /** A process began: handles of the one before mean nothing any more. */
  | { readonly kind: "process" }
  | { readonly kind: "create" | "open"; readonly handle: number; readonly path: string }
  | {
      readonly kind: "write";
      readonly handle: number;
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: "truncate"; readonly handle: number; readonly size: number }
  | { readonly kind: "sync"; readonly handle: number }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "unlink" | "mkdir"; readonly path: string }
  /** The process told somebody something. */
  | { readonly kind: "mark"; readonly text: string };

const HEAD = 32;

function operationOf(kind: string, handle: number, offset: number, bytes: Buffer): Operation {
  const text = (): string => bytes.toString("utf8");
  switch (kind) {
    case "P":
      return { kind: "process" };
    case "C":
      return { kind: "create", handle, path: text() };
    case "O":
      return { kind: "open", handle, path: text() };
    case "W":
      return { kind: "write", handle, offset, bytes };
    case "T":
      return { kind: "truncate", handle, size: offset };
    case "S":
      return { kind: "sync", handle };
    case "R": {
      const [from = "", to = ""] = text().split("\0");
      return { kind: "rename", from, to };
    }
    case "U":
      return { kind: "unlink", path: text() };
    case "M":
      return { kind: "mkdir", path: text() };
    case "K":
      return { kind: "mark", text: text() };
    default:
      throw new Error(`the process did what is not followed: ${kind} ${text()}`);
  }
}

/** Reads a record back; a call that the recorder does not follow is an error. */
export function readRecord(path: string): Operation[] {
  const all = readFileSync(path);
  const operations: Operation[] = [];
  for (let at = 0; at < all.length; ) {
    const [kind, handle, offset, length] = [0, 8, 16, 24].map((field) =>
      Number(all.readBigInt64LE(at + field)),
    ) as [number, number, number, number];
    const bytes = all.subarray(at + HEAD, at + HEAD + length);
    operations.push(operationOf(String.fromCharCode(kind), handle, offset, bytes));
    at += HEAD + length;
  }
  return operations;
}

/** Builds the recorder in `dir`; gives its path. */
export function buildRecorder(dir: string): string {
  const out = join(dir, "record.so");
  const flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"];
  const built = spawnSync("gcc", [...flags, "-o", out, SOURCE], { encoding: "utf8" });
  if (built.error !== undefined) throw new Error("gcc is needed", { cause: built.error });
  if (built.status !== 0) throw new Error(`gcc failed:\n${built.stderr}`);
  return out;
}

export interface Recording {
  /** Folder whose files are followed. */
  readonly root: string;
  /** Beside it: the recorder, the record, the file of marks. */
  readonly recorder: string;
  readonly file: string;
}

/** A recording in `dir`; its root exists when this returns. */
export function recordingIn(dir: string, recorder: string, root: string): Recording {
  return { root, recorder, file: join(dir, "record") };
}

/**
 * Runs a script of this folder to its end under the recorder. It may end by a kill; what it told
 * goes to the file that `STOPLINE_RECORD_MARKS` names. Standard error comes through.
 */
export function runRecorded(
  { root, recorder, file }: Recording,
  script: string,
  args: readonly string[],
): SpawnSyncReturns<string> {
  // tap hands its loaders to children through NODE_OPTIONS; this one must be as in production.
  const inherited = Object.entries(process.env).filter(([name]) => name !== "NODE_OPTIONS");
  const own = [
    ["LD_PRELOAD", recorder],
    ["STOPLINE_RECORD_ROOT", root],
    ["STOPLINE_RECORD_FILE", file],
    ["STOPLINE_RECORD_MARKS", join(dirname(file), "marks")],
  ];
  const path = fileURLToPath(new URL(script, import.meta.url));
  return spawnSync(process.execPath, [path, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env: Object.fromEntries([...inherited, ...own]),
  });
}
