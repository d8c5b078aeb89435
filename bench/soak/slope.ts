// A straight line through samples by least squares, and how sure its slope is.

export interface Slope {
  /** Units of the value for each unit of time. */
  readonly slope: number;
  /** Half the width of the interval that holds the true slope in 95 of 100 cases. */
  readonly margin: number;
  readonly samples: number;
}

export interface Sample {
  readonly at: number;
  readonly value: number;
}

/** Two-sided 95 % quantiles of Student's t by degrees of freedom; beyond them 1.98. */
const STUDENT = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23] as const;
const STUDENT_MANY: readonly (readonly [number, number])[] = [
  [15, 2.23],
  [20, 2.13],
  [30, 2.09],
  [60, 2.04],
  [Number.POSITIVE_INFINITY, 2],
];

function student(freedom: number): number {
  const few = STUDENT[Math.floor(freedom) - 1];
  return few ?? STUDENT_MANY.find(([most]) => freedom <= most)?.[1] ?? 2;
}

/**
 * What was seen a minute before is seen again in part: neighbouring residuals that resemble each
 * other count as fewer samples, by the first autocorrelation.
 */
function independentPart(residuals: readonly number[]): number {
  let [together, alone] = [0, 0];
  for (const [index, value] of residuals.entries()) {
    alone += value * value;
    together += value * (residuals[index - 1] ?? 0);
  }
  const alike = alone === 0 ? 0 : Math.min(0.95, Math.max(0, together / alone));
  return (1 - alike) / (1 + alike);
}

/** Of at least four samples; fewer say nothing of their own scatter. */
export function leastSquares(samples: readonly Sample[]): Slope {
  const { length } = samples;
  if (length < 4) throw new RangeError(`${length} samples are too few for a slope`);
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / length;
  const [at, value] = [mean((sample) => sample.at), mean((sample) => sample.value)];
  const spread = samples.reduce((sum, sample) => sum + (sample.at - at) ** 2, 0);
  if (spread === 0) throw new RangeError("all samples are of one moment");
  const slope =
    samples.reduce((sum, sample) => sum + (sample.at - at) * (sample.value - value), 0) / spread;
  const residuals = samples.map((sample) => sample.value - value - slope * (sample.at - at));
  const part = independentPart(residuals);
  const freedom = Math.max(1, length * part - 2);
  const scatter = residuals.reduce((sum, residual) => sum + residual ** 2, 0) / (length - 2);
  const margin = student(freedom) * Math.sqrt(scatter / (spread * part));
  return { slope, margin, samples: length };
}

/** Grows beyond doubt: the whole interval lies above what is allowed. */
export function grows({ slope, margin }: Slope, allowed: number): boolean {
  return slope - margin > allowed;
}
