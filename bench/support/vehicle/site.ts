// The site file of the bench's junction, from the demo's: the same phases, zones and street, with
// short greens that follow each other without calls, so that its lamps change often, and one
// listener, for certificates alone.
import { readFileSync } from "node:fs";
import { JUNCTION } from "./vehicle-messages.ts";

const DEMO = new URL("../../../config/demo.yaml", import.meta.url);
const GREEN_S = 4;
const RED_S = 1;

function replaced(text: string, from: RegExp, to: string): string {
  if (!from.test(text)) throw new Error(`the demo's site file has no ${from.source}`);
  return text.replace(from, () => to);
}

export function benchSite(keyFolder: string): string {
  const { region, zone, id } = JUNCTION;
  let text = readFileSync(DEMO, "utf8");
  text = replaced(text, /^node: .*$/m, `node: { region: ${region}, zone: ${zone}, id: ${id} }`);
  text = replaced(
    text,
    /listeners: .*$/m,
    "listeners: [ { address: 127.0.0.1, port: 0, tls: true } ]",
  );
  text = replaced(text, /listen: 127.0.0.1:\d+/, "listen: 127.0.0.1:0");
  const crossing = "walk: 7, clearance: 5, crossing: 4";
  text = text.replace(/walk: \d+, clearance: \d+, crossing: \d+/g, crossing);
  text = text.replace(/redClearance: [\d.]+/g, `redClearance: ${RED_S}`);
  text = text.replace(/minGreen: \d+/g, `minGreen: ${GREEN_S}`);
  text = text.replace(/recall: \w+, locking/g, "recall: max, locking");
  // Rings of another length each: their lights do not change together.
  text = text.replace(/^ {2}([1-8]): .*max1: \d+, max2: \d+/gm, (line, phase: string) => {
    const most = GREEN_S + (Number(phase) > 4 ? 2 : 1);
    return line.replace(/max1: .*$/, `max1: ${most}, max2: ${most}`);
  });
  return `${text.trimEnd()}\ntrust: { keys: ${JSON.stringify(keyFolder)} }\n`;
}
