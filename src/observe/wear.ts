// How long a card lasts at the present rate of writing. Pure; every assumption has its source here
// and stands in what `stopline doctor wear` prints.
import type { WearRate } from "../log/written.ts";

/** Bytes a day that a node may write, all causes (the budget of bench `log`). */
export const WRITE_BUDGET_BYTES = 2e9;

/**
 * Times that each cell may be written. Makers of ordinary cards name no figure; cells with three
 * bits are sold from some 300 cycles on, and cards made for recorders are rated at 900 to 5,500
 * times their size (117 TBW for 128 GB to 702 TBW for 128 GB), so this is the low end.
 */
export const DEFAULT_CYCLES = 300;

/**
 * What a card writes inside for a byte that it is given. A durable commit touches single pages of
 * 4 kB, and flash is written in pages of 16 kB at least.
 */
export const CARD_AMPLIFICATION = 4;

/**
 * Where the whole disk's own count is not known: ext4 puts the inode and its journal's two blocks
 * beside the pages of each synced write.
 */
export const FILE_SYSTEM_AMPLIFICATION = 2;

export interface Card {
  readonly bytes: number;
  /** Bytes that its cells can take in all. */
  readonly enduranceBytes: number;
  readonly amplification: number;
}

export interface WearForecast {
  /** By the node alone. */
  readonly nodePerDay: number;
  /** Handed to the disk by all there is; where its own count is not known, estimated. */
  readonly diskPerDay: number;
  readonly isDiskMeasured: boolean;
  readonly years: number;
  readonly withinBudget: boolean;
}

const DAYS_A_YEAR = 365.25;

/** A disk that everybody writes at least what the node does: what is in flight evens out. */
export function forecast(rate: WearRate, card: Card): WearForecast {
  const { totalPerDay, diskPerDay } = rate;
  const measured = diskPerDay !== null && diskPerDay >= totalPerDay * 0.5;
  const perDay = measured ? diskPerDay : totalPerDay * FILE_SYSTEM_AMPLIFICATION;
  const days = card.enduranceBytes / (Math.max(1, perDay) * card.amplification);
  return {
    nodePerDay: totalPerDay,
    diskPerDay: perDay,
    isDiskMeasured: measured,
    years: days / DAYS_A_YEAR,
    withinBudget: totalPerDay <= WRITE_BUDGET_BYTES,
  };
}
