/** Returns the value that the given percentage of values does not exceed (nearest rank), or NaN for no values. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

/** Returns the median of a figure over several rounds. */
export function medianOf<T>(rounds: readonly T[], figure: (round: T) => number): number {
  return percentile(rounds.map(figure), 50);
}

/** Returns percentiles as figures: NAME_p50_ms and so on. */
export function percentiles(
  name: string,
  milliseconds: readonly number[],
  percents = [50, 99],
): Record<string, number> {
  return Object.fromEntries(percents.map((percent) => [`${name}_p${percent}_ms`, percentile(milliseconds, percent)]));
}

export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) {
    total += value;
  }
  return total;
}

/** Formats a number with three significant digits. */
export function format(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  return value.toFixed(digits);
}
