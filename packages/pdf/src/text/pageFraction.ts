/** Returns a length as a part (0 to 1) of the page's, rounded to four decimals: a twentieth of a point on a letter page. */
export function pageFraction(value: number, whole: number): number {
  return Math.round(Math.min(1, Math.max(0, value / whole)) * 10_000) / 10_000;
}
