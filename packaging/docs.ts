// What lies in /usr/share/doc/stopline and the manual page.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { gatherLicences } from "./licences.ts";
import { lockedModules } from "./modules.ts";
import { PackagingError } from "./problem.ts";
import { sbomText } from "./sbom.ts";
import { DOCS, type Parts, place, put } from "./tree.ts";

/** The same bytes for the same text: zlib writes no name and no time. */
function gzip(text: string): Uint8Array {
  return gzipSync(text, { level: 9 });
}

/** Debian's form of a changelog: an entry for this version, which leads to the product's own. */
function debianChangelog(version: string, timeS: number): string {
  const day = new Date(timeS * 1000).toUTCString().replace("GMT", "+0000");
  return [
    `stopline (${version}) stable; urgency=medium`,
    "",
    "  * What users notice stands in CHANGELOG.md.gz beside this file.",
    "",
    ` -- Stopline maintainers <maintainers@stopline.invalid>  ${day}`,
    "",
  ].join("\n");
}

/** troff takes a leading dot or quote for a request, and a backslash for an escape. */
function troff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^(?=[.'])/gm, "\\&");
}

function manualPage(root: string, version: string, timeS: number): string {
  const program = join(root, "src", "cli", "stopline.ts");
  const { status, stdout } = spawnSync(process.execPath, [program, "help"], { encoding: "utf8" });
  if (status !== 0) throw new PackagingError("stopline help does not run here");
  const [, , ...commands] = stdout.trimEnd().split("\n");
  const day = new Date(timeS * 1000).toISOString().slice(0, 10);
  return [
    `.TH STOPLINE 1 "${day}" "stopline ${version}" "User commands"`,
    ".SH NAME",
    "stopline \\- one intersection on one board",
    ".SH SYNOPSIS",
    ".B stopline",
    "COMMAND [OPTION]...",
    ".SH COMMANDS",
    ".nf",
    troff(commands.join("\n")),
    ".fi",
    ".SH FILES",
    ".TP",
    "/etc/stopline/site.yaml",
    "the intersection; \\fBstopline check\\fR says whether it is right",
    ".TP",
    "/var/lib/stopline",
    "the event log",
    "",
  ].join("\n");
}

/** Adds copyright, licences, bill of materials, changelogs and the manual page. */
export function putDocs(tree: string, parts: Parts & { readonly timeS: number }): void {
  const { root, modules, architecture, version, timeS } = parts;
  const locked = lockedModules(readFileSync(join(root, "package-lock.json"), "utf8"), architecture);
  const own = readFileSync(join(root, "LICENSE"), "utf8");
  const { copyright, whole } = gatherLicences(modules, locked, architecture, own);
  put(tree, `${DOCS}/copyright`, copyright);
  put(tree, `${DOCS}/licences.gz`, gzip(whole));
  put(tree, `${DOCS}/sbom.cdx.json`, sbomText(locked, architecture, version));
  put(tree, `${DOCS}/changelog.gz`, gzip(debianChangelog(version, timeS)));
  put(tree, `${DOCS}/CHANGELOG.md.gz`, gzip(readFileSync(join(root, "CHANGELOG.md"), "utf8")));
  put(tree, "usr/share/man/man1/stopline.1.gz", gzip(manualPage(root, version, timeS)));
  place(
    join(root, "packaging", "debian", "stopline.lintian-overrides"),
    tree,
    "usr/share/lintian/overrides/stopline",
  );
}
