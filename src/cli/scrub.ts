// Taking secrets out of text that leaves a board. Two nets: what this board is known to keep secret
// is looked for letter by letter, and what looks like a secret goes whether it is one or not.

export const REMOVED = "[removed]";

/** Shorter ones are words that stand everywhere. */
const LEAST_SECRET = 6;

const BEGIN = "-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----";
const END = "-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----";
/** With real line ends or written ones, in comments, and cut off in the middle too. */
const PRIVATE_KEY = new RegExp(
  `${BEGIN}(?:(?:[A-Za-z-]+: [^\\n]*\\n)|[A-Za-z0-9+/=\\s#>|*]|\\\\[nr])*(?:${END})?`,
  "g",
);

const NAME =
  "pass(?:word|phrase|wd)?|psk|secret|token|credentials?|(?:api|private)[-_ ]?key|authorization";
/** `psk: …`, `"secretAccessKey": "…"`, `#secret=…`: up to where the value may end. */
const LABEL = `([\\w.-]{0,40}(?:${NAME})[\\w.-]{0,40})`;
const BETWEEN = `(\\\\?["']?\\s*[:=]\\s*)`;
const VALUE = `(\\\\?"[^"\\n]*"|'[^'\\n]*'|[^\\n,}\\]"]+)`;
const NAMED = new RegExp(LABEL + BETWEEN + VALUE, "gi");
/** What a site file calls so is the path of a file. */
const PATH_OF = /^copyCredentials$/;

const SHAPES: readonly (readonly [RegExp, string])[] = [
  [PRIVATE_KEY, REMOVED],
  // A line of such a key whose beginning is not there; hashes in hexadecimal are none.
  [/(?<![\w+/])(?=[\w+/]*[A-Z])(?=[\w+/]*[a-z])[A-Za-z0-9+/]{64}(?![\w+/])/g, REMOVED],
  [/AGE-(?:SECRET-KEY|PLUGIN)-[A-Z0-9-]+/gi, REMOVED],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${REMOVED}`],
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/@:"']*:[^\s/@"']+@/gi, `$1${REMOVED}@`],
  // 256 random bits, as the console's secret and its tokens are written.
  [/(?<![\w-])[\w-]{43}(?![\w-])/g, REMOVED],
];

/** Values of whatever a text calls a secret: to be looked for elsewhere. */
export function secretsNamedIn(text: string): string[] {
  return [...text.matchAll(NAMED)]
    .filter(([, name = ""]) => !PATH_OF.test(name))
    .map(([, , , value = ""]) => value.trim().replace(/^\\?["']|\\?["']$/g, ""));
}

/** The lines of key material in a PEM text, or any other. */
export function linesOfKey(text: string): string[] {
  return text.split("\n").filter((line) => !line.startsWith("-----"));
}

/** Takes out of a text what is known to be secret, and what looks so. */
export function scrubber(known: readonly string[]): (text: string) => string {
  const written = known
    .map((secret) => secret.trim())
    .filter((secret) => secret.length >= LEAST_SECRET)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]);
  // The longest first: one may be a part of another.
  const literal = [...new Set(written)].sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const secret of literal) clean = clean.replaceAll(secret, REMOVED);
    for (const [shape, into] of SHAPES) clean = clean.replace(shape, into);
    return clean.replace(NAMED, (all, name: string, between: string) =>
      PATH_OF.test(name) ? all : `${name}${between}${REMOVED}`,
    );
  };
}
