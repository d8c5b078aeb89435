// What the golden vectors of the host's frames mean; their bytes stand in vectors.txt.
import type { HostFrame } from "../../src/wire/frame-types.ts";

export const HOST_VECTORS: Readonly<Record<string, HostFrame>> = {
  hello: { kind: "hello", nonce: 0x01020304, recordChecksum: 0xcafe0000 },
  lamp: {
    kind: "lamp",
    session: 0x10001,
    sequence: 258,
    stamp: 7990,
    display: [0, 3, 0, 1, 0, 4, 0, 1, 0, 0, 0, 1, 2, 5, 0, 0],
  },
  "lamp-late": {
    kind: "lamp",
    session: 0x10001,
    sequence: 258,
    stamp: 7000,
    display: [0, 3, 0, 1, 0, 4, 0, 1, 0, 0, 0, 1, 2, 5, 0, 0],
  },
  stop: { kind: "stop", session: 0x10001, sequence: 7, cause: "operator" },
  "record-read": { kind: "record-read", session: 0x10001, offset: 168, length: 32 },
  "record-write": {
    kind: "record-write",
    session: 0x10001,
    offset: 0,
    data: Uint8Array.of(0x53, 0x4c, 1, 0),
  },
  "record-commit": {
    kind: "record-commit",
    session: 0x10001,
    length: 200,
    checksum: 0x89abcdef,
  },
};

/** `name hex` a line into hex by name. */
export function vectors(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => line.split(" ") as [string, string]));
}
