// Who wrote what is inside: Debian's machine-readable copyright file, and beside it every licence
// and notice of a module as it came, Node's own with those of its parts among them.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ARCHITECTURES, type Architecture, isLicence } from "./keep.ts";
import type { LockedModule } from "./modules.ts";
import { PackagingError } from "./problem.ts";
import { isShipped } from "./sbom.ts";
import { PROGRAM } from "./tree.ts";

/** Debian's short names where they differ from SPDX. */
const DEBIAN_NAMES: ReadonlyMap<string, string> = new Map([["MIT", "Expat"]]);
/** Debian has this text on every system. */
const COMMON_TEXTS: Readonly<Record<string, string>> = {
  "Apache-2.0": "On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.",
};
const HOLDER = /^[\s*#/]*copyright\s+(?:\(c\)|©|\d{4}|[A-Z])/i;
/** Where the words of a licence begin, after its title and the names of holders. */
const FIRST_WORDS = /^\s*(?:permission |redistribution |this software is provided)/i;

interface Authored {
  readonly module: LockedModule;
  readonly texts: readonly string[];
  readonly holders: readonly string[];
}

function licenceTexts(folder: string): string[] {
  return readdirSync(folder)
    .filter(isLicence)
    .sort()
    .map((name) => readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n"));
}

/** Lines that name who holds the rights, once each, without the word itself. */
export function holdersIn(text: string): string[] {
  const lines = text
    .split("\n")
    .filter((line) => HOLDER.test(line) && !/copyright (?:owner|notice|holder|license)/i.test(line))
    .map((line) => line.replace(/^[\s*#/]*copyright\s*(?:\(c\)|©)?\s*/i, "").trim());
  return [...new Set(lines)].filter((line) => line !== "" && !line.startsWith("["));
}

function authorOf(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    author?: string | { name: string };
    name: string;
  };
  const { author } = manifest;
  return (typeof author === "string" ? author : author?.name) ?? `the authors of ${manifest.name}`;
}

function authored(modules: string, module: LockedModule): Authored {
  const folder = join(modules, module.folder);
  const texts = licenceTexts(folder);
  const named = texts.flatMap(holdersIn);
  return { module, texts, holders: named.length > 0 ? named : [authorOf(folder)] };
}

function indented(text: string): string {
  const lines = text.trimEnd().split("\n");
  return lines.map((line) => (line.trim() === "" ? " ." : ` ${line.trim()}`)).join("\n");
}

/** The words of a licence from a module that has them, without title and holders. */
function wordsOf(licence: string, all: readonly Authored[]): string {
  const common = COMMON_TEXTS[licence];
  if (common !== undefined) return common;
  for (const { module, texts } of all) {
    if (module.licence !== licence) continue;
    const lines = (texts[0] ?? "").split("\n");
    const first = lines.findIndex((line) => FIRST_WORDS.test(line));
    if (first >= 0) return lines.slice(first).join("\n").trim();
  }
  throw new PackagingError(`no module brings the words of the licence ${licence}`);
}

function debianName(licence: string): string {
  return DEBIAN_NAMES.get(licence) ?? licence;
}

function filesParagraph(files: string, holders: readonly string[], licence: string): string {
  const names = holders.join("\n           ");
  return `Files: ${files}\nCopyright: ${names}\nLicense: ${debianName(licence)}\n`;
}

export interface Licences {
  /** The text of /usr/share/doc/stopline/copyright. */
  readonly copyright: string;
  /** All licences and notices, whole. */
  readonly whole: string;
}

/** Reads what the modules say of themselves; `own` is the product's licence. */
export function gatherLicences(
  modules: string,
  locked: readonly LockedModule[],
  architecture: Architecture,
  own: string,
): Licences {
  const all = locked
    .filter((module) => isShipped(module, architecture))
    .map((module) => authored(modules, module));
  const node = ARCHITECTURES[architecture].node;
  const paragraphs = all.map(({ module, holders }) => {
    if (module.folder !== node) {
      return filesParagraph(`${PROGRAM}/node_modules/${module.folder}/*`, holders, module.licence);
    }
    const authors = ["Node.js contributors, and others for its parts"];
    const note = "Comment: Node's own licence and those of its parts stand in licences.gz.\n";
    return filesParagraph(`${PROGRAM}/node`, authors, module.licence) + note;
  });
  const kinds = [...new Set(["MIT", ...all.map(({ module }) => module.licence)])].sort();
  const standing = kinds.map(
    (licence) => `License: ${debianName(licence)}\n${indented(wordsOf(licence, all))}\n`,
  );
  const format = "https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/";
  const head =
    `Format: ${format}\nUpstream-Name: stopline\n` +
    "Comment: Licences and notices of all modules, whole: licences.gz beside this file.\n";
  const ours = filesParagraph("*", holdersIn(own), "MIT");
  return {
    copyright: [head, ours, ...paragraphs, ...standing].join("\n"),
    whole: all
      .flatMap(({ module, texts }) =>
        texts.map((text) => `==== ${module.name} ${module.version}\n\n${text.trimEnd()}\n`),
      )
      .join("\n"),
  };
}
