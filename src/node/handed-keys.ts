// Where a service finds the keys that its site file names. They lie where root alone may read them;
// whoever starts the service hands them over in another folder and says so in STOPLINE_KEYS, as
// FROM:TO. Pure.
import type { SiteModel } from "../core/site/model.ts";

/** `site` with each path in FROM replaced by the same path in TO; itself without a hand-over. */
export function withHandedKeys(site: SiteModel, handed: string | undefined): SiteModel {
  const [from = "", to = ""] = (handed ?? "").split(":");
  if (!from.startsWith("/") || !to.startsWith("/")) return site;
  const moved = <P extends string | null>(path: P): P | string => {
    if (path === null) return path;
    if (path === from || path === `${from}/`) return to;
    return path.startsWith(`${from}/`) ? `${to}${path.slice(from.length)}` : path;
  };
  const { copies } = site.log;
  const log =
    copies === undefined
      ? site.log
      : { ...site.log, copies: { ...copies, credentials: moved(copies.credentials) } };
  return { ...site, keyFolder: moved(site.keyFolder), log };
}
