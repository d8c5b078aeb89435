// MQTT topic names and filters (3.1.1, section 4.7): what is well formed, what matches, what one
// filter covers. Pure; the same functions serve the gate, the access rules and the sessions.

/** Levels deeper than this are refused: nobody needs them and matching walks each. */
export const MAX_LEVELS = 32;

/** A topic name for PUBLISH: not empty, no wildcard, not too deep. */
export function isTopicName(topic: string): boolean {
  return topic.length > 0 && !/[#+]/.test(topic) && levelsOf(topic) <= MAX_LEVELS;
}

/** A filter for SUBSCRIBE: wildcards stand alone in a level, `#` in the last one only. */
export function isTopicFilter(filter: string): boolean {
  if (filter.length === 0 || levelsOf(filter) > MAX_LEVELS) return false;
  const levels = filter.split("/");
  return levels.every((level, index) => {
    if (level === "+") return true;
    if (level === "#") return index === levels.length - 1;
    return !/[#+]/.test(level);
  });
}

function levelsOf(topic: string): number {
  let levels = 1;
  for (let index = 0; index < topic.length; index++) {
    if (topic.charCodeAt(index) === 0x2f) levels += 1;
  }
  return levels;
}

/** True when a message on `topic` goes to a subscriber of `filter`. */
export function matches(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  if (topic.startsWith("$") && /^[#+]/.test(filter)) return false;
  return matchesLevels(filter.split("/"), topic.split("/"));
}

function matchesLevels(filter: readonly string[], topic: readonly string[]): boolean {
  for (const [index, level] of filter.entries()) {
    if (level === "#") return true;
    if (index >= topic.length) return false;
    if (level !== "+" && level !== topic[index]) return false;
  }
  return filter.length === topic.length;
}

/** True when every topic that `inner` matches is matched by `outer` too. */
export function covers(outer: string, inner: string): boolean {
  if (outer === inner) return true;
  if (inner.startsWith("$") && /^[#+]/.test(outer)) return false;
  const wide = outer.split("/");
  const narrow = inner.split("/");
  for (const [index, level] of wide.entries()) {
    if (level === "#") return true;
    const other = narrow[index];
    if (other === undefined || other === "#") return false;
    if (level !== "+" && level !== other) return false;
  }
  return wide.length === narrow.length;
}
