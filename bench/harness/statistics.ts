/** The few statistics that the reports use. Samples of one round belong together: they are compared pair by pair. */

const RESAMPLES = 2_000;
const CONFIDENCE = 0.95;

/** @param q 0 to 1; between two values it interpolates. @throws RangeError for no values */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError("no values");
  const sorted = Float64Array.from(values).toSorted();
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Between the quartiles lies half of the samples: the spread that a difference must exceed. */
  readonly spread: number;
}

export function summary(values: readonly number[]): Summary {
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    spread: quantile(values, 0.75) - quantile(values, 0.25),
  };
}

export interface Interval {
  readonly median: number;
  /** Bounds of the 95 % interval of that median. */
  readonly low: number;
  readonly high: number;
}

/** Median and its 95 % interval, by bootstrap. The same values give the same interval. */
export function bootstrap(values: readonly number[]): Interval {
  const random = mulberry32(values.length);
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN)),
  );
  const tail = (1 - CONFIDENCE) / 2;
  return { median: median(values), low: quantile(medians, tail), high: quantile(medians, 1 - tail) };
}

export interface Comparison {
  /** Subject ÷ baseline, of pairs of one round. */
  readonly ratio: Interval;
  /** Subject − baseline, of pairs of one round. */
  readonly difference: Interval;
  /** False: the interval holds 0, or the difference is under the spread of the samples. Such a difference is no finding. */
  readonly isFinding: boolean;
}

/** @throws RangeError unless both have as many samples, one a round */
export function compare(subject: readonly number[], baseline: readonly number[]): Comparison {
  if (subject.length !== baseline.length) throw new RangeError("samples do not pair");
  const pairs = subject.map((value, i) => [value, baseline[i] ?? Number.NaN] as const);
  const difference = bootstrap(pairs.map(([ours, theirs]) => ours - theirs));
  const spread = Math.max(summary(subject).spread, summary(baseline).spread);
  const excludesZero = difference.low > 0 || difference.high < 0;
  return {
    ratio: bootstrap(pairs.map(([ours, theirs]) => ours / theirs)),
    difference,
    isFinding: excludesZero && Math.abs(difference.median) > spread,
  };
}

/** A small generator with a seed, so that a report can be made again from its samples. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
