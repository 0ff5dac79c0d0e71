/** The font size that most characters have, by a majority vote after Boyer and Moore. */
export class SizeVote {
  /** In points; 0 before the first vote. */
  winner = 0;
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
    this.winner = 0;
    this.lead = 0;
  }
}
