// What a CA has issued and revoked: `issued.jsonl` in its folder, one line each, in order. It is
// the CA's memory; the certificates themselves are with whom they were made for.
//
//   {"kind":"issued","serial":"…","role":"node","id":"a","priority":"none",
//    "notBefore":"2026-11-29T12:00:00.000Z","notAfter":"…"}
//   {"kind":"revoked","serial":"…","at":"…"}
//
// A change writes the whole list anew beside the old one and renames it. The file beside it is the
// lock as well: whoever finds it there does not write.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PRIORITIES, type Priority } from "./certificate.ts";
import { ROLES, type Role } from "./identity.ts";
import { KeyFileError, readKeyFile, syncFolder } from "./key-files.ts";

export const ISSUED_FILE = "issued.jsonl";

export interface Issue {
  readonly kind: "issued";
  readonly serial: string;
  readonly role: Role;
  readonly id: string;
  readonly priority: Priority;
  /** ISO 8601, UTC, as are the others. */
  readonly notBefore: string;
  readonly notAfter: string;
}

export interface Withdrawal {
  readonly kind: "revoked";
  readonly serial: string;
  readonly at: string;
}

export type IssuedLine = Issue | Withdrawal;

/** 100,000 lines; who issues more wants another kind of CA. */
const MAX_BYTES = 20_000_000;

/** All lines of a CA's folder, oldest first; a `KeyFileError` that names the first bad one. */
export function readIssued(dir: string): IssuedLine[] {
  return parseLines(join(dir, ISSUED_FILE), readText(dir));
}

function readText(dir: string): string {
  const path = join(dir, ISSUED_FILE);
  return readKeyFile(path, { maxBytes: MAX_BYTES, madeBy: "`stopline keys init`" }).toString();
}

function parseLines(path: string, text: string): IssuedLine[] {
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new KeyFileError(`${path}: the last line is cut off`);
  return lines.map((line, index) => {
    const parsed = parseLine(line);
    if (parsed !== null) return parsed;
    throw new KeyFileError(`${path}:${index + 1}: no line of ours; restore it from a copy`);
  });
}

function parseLine(line: string): IssuedLine | null {
  try {
    const value = JSON.parse(line) as Partial<Record<string, unknown>> | null;
    if (value === null || typeof value.serial !== "string") return null;
    return isIssue(value) || isWithdrawal(value) ? (value as unknown as IssuedLine) : null;
  } catch {
    return null;
  }
}

function isIssue(value: Partial<Record<string, unknown>>): boolean {
  return (
    value.kind === "issued" &&
    (ROLES as readonly unknown[]).includes(value.role) &&
    typeof value.id === "string" &&
    (PRIORITIES as readonly unknown[]).includes(value.priority) &&
    isTime(value.notBefore) &&
    isTime(value.notAfter)
  );
}

function isWithdrawal(value: Partial<Record<string, unknown>>): boolean {
  return value.kind === "revoked" && isTime(value.at);
}

function isTime(value: unknown): boolean {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

/**
 * Adds the line that `next` makes of those that are there; none when it gives null. Throws
 * `KeyFileError` while another process writes. Whatever fails leaves the old list.
 */
export function addLine(
  dir: string,
  next: (lines: readonly IssuedLine[]) => IssuedLine | null,
): void {
  const path = join(dir, ISSUED_FILE);
  const beside = `${path}.new`;
  const fd = openBeside(beside);
  try {
    const text = readText(dir);
    const line = next(parseLines(path, text));
    if (line === null) {
      rmSync(beside);
      return;
    }
    writeFileSync(fd, `${text}${JSON.stringify(line)}\n`);
    fsyncSync(fd);
    renameSync(beside, path);
    syncFolder(dir);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function openBeside(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const busy = `${path} is there: another \`keys\` writes, or one was killed; then remove it`;
    throw new KeyFileError(code === "EEXIST" ? busy : message, { cause: error });
  }
}
