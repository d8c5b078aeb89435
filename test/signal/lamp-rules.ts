// What no display may ever do, judged from displays alone: conflicts by the program card, minimums,
// walks, yellows and clearances. Shares no code with the controller.
import { type Display, LAMP, LAMP_NAMES } from "../../src/core/site/lamps.ts";
import { type Channel, type Phase, phaseOf, type SiteModel } from "../../src/core/site/model.ts";

interface Lamp {
  readonly channel: Channel;
  readonly timing: Phase;
  code: number;
  sinceMs: number;
}

export class LampRules {
  private readonly lamps = new Map<number, Lamp>();
  private readonly card: ReadonlySet<string>;
  private readonly fail: (text: string) => void;

  constructor(site: SiteModel, fail: (text: string) => void) {
    this.fail = fail;
    this.card = new Set(site.compatible.map(([a, b]) => `${a} ${b}`));
    for (const channel of site.channels) {
      const timing = phaseOf(site, channel.phase);
      this.lamps.set(channel.channel, { channel, timing, code: LAMP.red, sinceMs: -1e9 });
    }
  }

  /** The failure display: everything counts as red from now on. */
  allRed(atMs: number): void {
    for (const lamp of this.lamps.values()) {
      lamp.code = LAMP.red;
      lamp.sinceMs = atMs;
    }
  }

  display(display: Display, atMs: number): void {
    this.conflicts(display);
    this.parallels(display);
    for (const lamp of this.lamps.values()) {
      const code = display[lamp.channel.channel - 1] ?? LAMP.dark;
      if (code !== lamp.code) this.change(lamp, code, atMs);
    }
    for (const lamp of this.lamps.values()) {
      const code = display[lamp.channel.channel - 1] ?? LAMP.dark;
      if (code === lamp.code) continue;
      lamp.code = code;
      lamp.sinceMs = atMs;
    }
  }

  private conflicts(display: Display): void {
    const lit: number[] = [];
    for (const [index, code] of display.entries()) {
      if (!this.lamps.has(index + 1) && code !== LAMP.dark) this.fail(`${index + 1} is unused`);
      if (code >= LAMP.yellow) lit.push(index + 1);
    }
    for (const [at, b] of lit.entries()) {
      const against = lit.slice(0, at).filter((a) => !this.card.has(`${a} ${b}`));
      for (const a of against) this.fail(`channels ${a} and ${b} together`);
    }
  }

  /** Nobody walks beside a green that is not there. */
  private parallels(display: Display): void {
    const walking = [...this.lamps.values()].filter(
      ({ channel }) =>
        channel.kind === "pedestrian" && (display[channel.channel - 1] ?? 0) >= LAMP.yellow,
    );
    for (const { channel } of walking) {
      const green = [...this.lamps.values()].some(
        (other) =>
          other.channel.kind === "vehicle" &&
          other.channel.phase === channel.phase &&
          display[other.channel.channel - 1] === LAMP.green,
      );
      if (!green) this.fail(`channel ${channel.channel} walks without its green`);
    }
  }

  private change(lamp: Lamp, code: number, atMs: number): void {
    const { channel, timing } = lamp;
    const stoodMs = atMs - lamp.sinceMs;
    const name = `channel ${channel.channel} ${LAMP_NAMES[lamp.code]} to ${LAMP_NAMES[code]}`;
    const step = `${lamp.code}>${code}`;
    const dueMs = channel.kind === "vehicle" ? vehicleDue(timing, step) : walkDue(timing, step);
    if (dueMs === null) this.fail(`${name} is no lawful change`);
    else if (stoodMs < dueMs - 1e-6) this.fail(`${name} after ${stoodMs} ms of ${dueMs}`);
    if (code === LAMP.green) this.cleared(channel.channel, name, atMs);
  }

  /** Everybody against it has been red for a red clearance. */
  private cleared(channel: number, name: string, atMs: number): void {
    const against = [...this.lamps.values()].filter(({ channel: other }) => {
      const [a, b] = [channel, other.channel].sort((x, y) => x - y);
      return a !== b && !this.card.has(`${a} ${b}`);
    });
    for (const { channel: other, timing, code, sinceMs } of against) {
      const redMs = code === LAMP.red ? atMs - sinceMs : 0;
      if (redMs >= timing.redClearanceMs - 1e-6) continue;
      this.fail(`${name} with channel ${other.channel} red for ${redMs} ms`);
    }
  }
}

function vehicleDue(timing: Phase, step: string): number | null {
  if (step === `${LAMP.red}>${LAMP.green}`) return timing.redRevertMs;
  if (step === `${LAMP.green}>${LAMP.yellow}`) return timing.minGreenMs;
  return step === `${LAMP.yellow}>${LAMP.red}` ? timing.yellowMs : null;
}

function walkDue(timing: Phase, step: string): number | null {
  const { pedestrian } = timing;
  if (pedestrian === null) return null;
  if (step === `${LAMP.red}>${LAMP.green}`) return timing.redClearanceMs;
  if (step === `${LAMP.green}>${LAMP.flashingDontWalk}`) return pedestrian.walkMs;
  return step === `${LAMP.flashingDontWalk}>${LAMP.red}` ? pedestrian.clearanceMs : null;
}
