// What a running node can't change by reading its site file anew.
import { compileRecord } from "../cabinet/record.ts";
import type { SiteModel } from "../core/site/model.ts";

/** Why `site` can't take the place of `running`, null for a node without a site; or null. */
export function reloadRefusal(running: SiteModel | null, site: SiteModel): string | null {
  if (running === null) return "the node runs without a site; start it again";
  const { device, baud } = site.cabinet;
  if (device !== running.cabinet.device || baud !== running.cabinet.baud) {
    return "cabinet.device or cabinet.baud would change: start the node again";
  }
  const [ours, theirs] = [compileRecord(running), compileRecord(site)];
  if (Buffer.compare(ours, theirs) === 0) return null;
  return "the cabinet's record would change; stop the node, then run stopline cabinet program";
}
