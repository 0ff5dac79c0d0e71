/** The font size that most characters have, by a majority vote after Boyer and Moore. */
export class SizeVote {
  /** In points; no number before the first vote. */
  winner = Number.NaN;
  private lead = 0;

  add(size: number): void {
    if (Math.abs(size - this.winner) < 0.1) {
      this.lead++;
    } else if (this.lead === 0) {
      this.winner = size;
      this.lead = 1;
    } else {
      this.lead--;
    }
  }

  clear(): void {
    this.winner = Number.NaN;
    this.lead = 0;
  }
}
