// The junctions of a simulated zone: the example sites in turn, each with its own name.
import { readFileSync } from "node:fs";
import type { SiteModel } from "../core/site/model.ts";
import { parseSite } from "../sitefile/load.ts";

const EXAMPLES = ["demo", "oregon-1136", "three-leg"] as const;

function example(name: string): SiteModel {
  const url = new URL(`../../config/${name}.yaml`, import.meta.url);
  const loaded = parseSite(readFileSync(url, "utf8"), name);
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  return loaded.site;
}

/** `node-01` and so on, of a zone of their own. */
export function nodeNames(count: number): SiteModel["node"][] {
  return Array.from({ length: count }, (_, index) => ({
    region: "sim",
    zone: "zone-1",
    id: `node-${String(index + 1).padStart(2, "0")}`,
  }));
}

/** A junction for each name, in order. */
export function makeSites(names: readonly SiteModel["node"][]): SiteModel[] {
  const examples = EXAMPLES.map(example);
  return names.map((node, index) => {
    const site = examples[index % examples.length] as SiteModel;
    return { ...site, node };
  });
}
