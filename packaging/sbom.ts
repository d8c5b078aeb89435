// The bill of materials: what is inside the package, as CycloneDX 1.6 JSON. Made from the lock file
// and nothing else, so that the same commit gives the same text; no serial number, no time of day.
import { ARCHITECTURES, type Architecture, droppedBy } from "./keep.ts";
import type { LockedModule } from "./modules.ts";

interface Component {
  readonly type: "application" | "library";
  readonly "bom-ref": string;
  readonly name: string;
  readonly group?: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses: readonly [{ readonly expression: string }];
  readonly hashes?: readonly [{ readonly alg: "SHA-512"; readonly content: string }];
}

/** Package URL of an npm module; the @ of a scope is written as %40. */
function purlOf({ name, version }: LockedModule): string {
  return `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
}

/** A module is on the board when something of it is. */
export function isShipped({ folder }: LockedModule, architecture: Architecture): boolean {
  const runs = ARCHITECTURES[architecture].node === folder;
  return runs || droppedBy(`${folder}/index.js`, architecture) === null;
}

function componentOf(module: LockedModule): Component {
  const purl = purlOf(module);
  const [scope, plain] = module.name.startsWith("@") ? module.name.split("/") : [null, module.name];
  const sha512 = /^sha512-(.+)$/.exec(module.integrity)?.[1];
  return {
    type: module.name.startsWith("node-linux-") ? "application" : "library",
    "bom-ref": purl,
    name: plain ?? module.name,
    ...(scope === null || scope === undefined ? {} : { group: scope }),
    version: module.version,
    purl,
    licenses: [{ expression: module.licence }],
    ...(sha512 === undefined
      ? {}
      : { hashes: [{ alg: "SHA-512", content: Buffer.from(sha512, "base64").toString("hex") }] }),
  };
}

/** The text of the bill; each module once, however often it lies in the tree. */
export function sbomText(
  modules: readonly LockedModule[],
  architecture: Architecture,
  version: string,
): string {
  const shipped = modules.filter((module) => isShipped(module, architecture)).map(componentOf);
  const once = new Map(shipped.map((component) => [component.purl, component]));
  const components = [...once.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1));
  const bill = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": `pkg:deb/stopline@${version}?arch=${architecture}`,
        name: "stopline",
        version,
        purl: `pkg:deb/stopline@${version}?arch=${architecture}`,
        licenses: [{ expression: "MIT" }],
      },
    },
    components,
  };
  return `${JSON.stringify(bill, null, 2)}\n`;
}
