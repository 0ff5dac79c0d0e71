/** At least and at most; the latter is as long as a worker puts a delivery off. */
const shortestMs = 5_000;
const longestMs = 60_000;
/** So many milliseconds of waiting for each delivery that was put off within `longestMs`. */
const msPerDelivery = 5;

/**
 * How long deliveries wait for a change of the model, which is waiting for other deliveries of the same queue. When they
 * come again they come first; so the more there are the longer they wait, and the others get their turn.
 */
export class ChangeWait {
  private since = Number.NEGATIVE_INFINITY;
  private count = 0;
  private countBefore = 0;

  /** So many more are put off: for how many milliseconds. */
  putOff(deliveries: number): number {
    const now = performance.now();
    if (now - this.since >= longestMs) {
      this.countBefore = now - this.since < 2 * longestMs ? this.count : 0;
      this.count = 0;
      this.since = now;
    }
    this.count += deliveries;
    const waitMs = Math.max(this.count, this.countBefore) * msPerDelivery;
    return Math.min(Math.max(waitMs, shortestMs), longestMs);
  }
}
