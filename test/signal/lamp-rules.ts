// What no display may ever do, judged from displays alone: conflicts by the program card, minimums,
// walks, yellows and clearances. Shares no code with the controller.
import { CHANNEL_COUNT, type Display, LAMP, LAMP_NAMES } from "../../src/core/site/lamps.ts";
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
      if (code !== lamp.code) this.change(lamp, code, { display, atMs });
    }
    for (const lamp of this.lamps.values()) {
      const code = display[lamp.channel.channel - 1] ?? LAMP.dark;
      if (code === lamp.code) continue;
      lamp.code = code;
      lamp.sinceMs = atMs;
    }
  }

  private conflicts(display: Display): void {
    for (let b = 1; b <= CHANNEL_COUNT; b += 1) {
      const lit = (display[b - 1] ?? 0) >= LAMP.yellow;
      if (!this.lamps.has(b) && display[b - 1] !== LAMP.dark) this.fail(`channel ${b} is unused`);
      for (let a = 1; lit && a < b; a += 1) {
        if ((display[a - 1] ?? 0) < LAMP.yellow || this.card.has(`${a} ${b}`)) continue;
        this.fail(`channels ${a} and ${b} together`);
      }
    }
  }

  /** Nobody walks beside a green that is not there. */
  private parallels(display: Display): void {
    for (const { channel } of this.lamps.values()) {
      if (channel.kind !== "pedestrian" || (display[channel.channel - 1] ?? 0) < LAMP.yellow) {
        continue;
      }
      const beside = [...this.lamps.values()].find(
        (other) => other.channel.kind === "vehicle" && other.channel.phase === channel.phase,
      );
      if (beside === undefined || display[beside.channel.channel - 1] === LAMP.green) continue;
      this.fail(`channel ${channel.channel} walks without its green`);
    }
  }

  private change(lamp: Lamp, code: number, at: { display: Display; atMs: number }): void {
    const { channel, timing } = lamp;
    const stoodMs = at.atMs - lamp.sinceMs;
    const name = `channel ${channel.channel} ${LAMP_NAMES[lamp.code]} to ${LAMP_NAMES[code]}`;
    const step = `${lamp.code}>${code}`;
    const dueMs = channel.kind === "vehicle" ? vehicleDue(timing, step) : walkDue(timing, step);
    if (dueMs === null) this.fail(`${name} is no lawful change`);
    else if (stoodMs < dueMs - 1e-6) this.fail(`${name} after ${stoodMs} ms of ${dueMs}`);
    if (code !== LAMP.green) return;
    for (const other of this.lamps.values()) {
      const [a, b] = [channel.channel, other.channel.channel].sort((x, y) => x - y);
      if (a === b || this.card.has(`${a} ${b}`)) continue;
      const redMs = other.code === LAMP.red ? at.atMs - other.sinceMs : 0;
      if (redMs >= other.timing.redClearanceMs - 1e-6) continue;
      this.fail(`${name} with channel ${other.channel.channel} red for ${redMs} ms`);
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
