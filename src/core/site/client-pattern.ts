// Client id patterns of the site file.

/** True when `id` fits a client id pattern of the site file: `*` stands for any run. */
export function fitsPattern(pattern: string, id: string): boolean {
  const parts = pattern.split("*");
  const first = parts[0] ?? "";
  const last = parts.at(-1) ?? "";
  if (parts.length === 1) return id === pattern;
  if (!id.startsWith(first) || id.length < first.length + last.length) return false;
  let position = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = id.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return position <= id.length - last.length && id.endsWith(last);
}
