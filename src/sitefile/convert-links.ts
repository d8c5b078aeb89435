// Keys, links and neighbours of a checked site file, as the model has them.
import type { LinkPlace, NeighbourSite, SiteModel } from "../core/site/model.ts";
import type { SiteFile } from "./schema.ts";

function place(entry: { address: string; fast: number; reliable: number }): LinkPlace {
  return { address: entry.address, fastPort: entry.fast, reliablePort: entry.reliable };
}

function neighbourOf(id: string, entry: NonNullable<SiteFile["neighbours"]>[string]) {
  const { approach, length, speed } = entry;
  const whole = approach !== undefined && length !== undefined && speed !== undefined;
  const road = whole ? { approach, lengthM: length, speedMps: speed } : null;
  return { id, ...place(entry), road } satisfies NeighbourSite;
}

export function linksModel(file: SiteFile): Pick<SiteModel, "keyFolder" | "links" | "neighbours"> {
  return {
    keyFolder: file.trust?.keys ?? null,
    links: file.links === undefined ? null : place(file.links),
    neighbours: Object.entries(file.neighbours ?? {}).map(([id, entry]) => neighbourOf(id, entry)),
  };
}
