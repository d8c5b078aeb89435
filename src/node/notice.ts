import { writeSync } from "node:fs";
export function writeNotice(level: "info" | "warn" | "error", text: string): void {
  writeSync(2, `${level} ${text}\n`);
}
