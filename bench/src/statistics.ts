/** The value that so many per cent of the values do not exceed (the nearest rank); NaN of none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

/** "1.23 / 4.56 ms": median and 99th percentile, for a table. */
export function p50p99(milliseconds: readonly number[]): string {
  return `${format(percentile(milliseconds, 50))} / ${format(percentile(milliseconds, 99))} ms`;
}

/** The same for the figures: NAME_p50_ms and NAME_p99_ms. */
export function p50p99Figures(name: string, milliseconds: readonly number[]): Record<string, number> {
  return { [`${name}_p50_ms`]: percentile(milliseconds, 50), [`${name}_p99_ms`]: percentile(milliseconds, 99) };
}

/** Three significant digits, and no more digits after the point than that. */
export function format(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  return value.toFixed(digits);
}
