// What a person at a terminal reads first: what runs, where to look, how to end it.
import { styleText } from "node:util";
import type { Opened } from "../node/node-types.ts";
import type { SiteRead } from "../node/read-site.ts";

export interface Welcome {
  readonly read: SiteRead;
  readonly file: string;
  readonly dataDir: string;
  readonly opened: Opened;
  readonly forMs: number | null;
  /** Under systemd: nobody is there to press a key. */
  readonly service: boolean;
}

function headline(read: SiteRead): string {
  if (!read.ok) return "Stopline: the site file has problems; console and health only, no lamps";
  const { name, cabinet } = read.site;
  const where =
    cabinet.device === "virtual"
      ? "virtual cabinet and virtual street"
      : `cabinet at ${cabinet.device}`;
  return `Stopline: ${name}, ${where}`;
}

function closing({ opened, forMs, service }: Welcome): string[] {
  if (service) return [];
  const look = opened.consoleUrl === null ? "" : "Open the console's address in a browser. ";
  const end = forMs === null ? "" : `It ends by itself after ${forMs / 1000} s. `;
  return ["", `${look}${end}Ctrl-C stops the junction in order.`];
}

/**
 * The lines, of which `mqtt` and `console` are also read by programs: label, blanks, address.
 * `strong` marks what to look at, on a terminal only.
 */
export function welcomeLines(
  welcome: Welcome,
  strong: (text: string) => string = (text) => styleText("bold", text, { stream: process.stdout }),
): string[] {
  const { read, file, dataDir, opened, service } = welcome;
  const line = (label: string, text: string): string => `${label.padEnd(9)}${text}`;
  const lines = [strong(headline(read)), ...(service ? [] : [""])];
  lines.push(line("site", file), line("data", dataDir));
  // As the console and `doctor` say them: on a board whose site file is wrong, a serial console may
  // be all that anybody sees.
  if (!read.ok) lines.push(...read.problems.map((problem) => line("problem", problem)));
  lines.push(...opened.mqtt.map((url) => line("mqtt", url)));
  const { consoleUrl } = opened;
  // Under systemd these lines stand in the system's log, which more people read than may act.
  const shown = service ? (consoleUrl?.replace(/#.*$/, "") ?? null) : consoleUrl;
  if (shown !== null) lines.push(line("console", strong(shown)));
  return [...lines, ...closing(welcome), ...(service ? [] : [""])];
}
