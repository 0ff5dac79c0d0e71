/** Gives list items their markers: a bullet, or the next number of the innermost list. */
export class ListMarkers {
  /** The open lists, the outermost first: the next number of each, or null for bullets. */
  private readonly lists: (number | null)[] = [];
  private marker = '';

  /** @param start The first number, or null for bullets. */
  openList(start: number | null): void {
    this.lists.push(start);
  }

  closeList(): void {
    this.lists.pop();
    this.marker = '';
  }

  startItem(): void {
    const number = this.lists.at(-1) ?? null;
    if (number === null) {
      this.marker = '• ';
    } else {
      this.lists[this.lists.length - 1] = number + 1;
      this.marker = `${number}. `;
    }
  }

  /** An item without text loses its marker. */
  endItem(): void {
    this.marker = '';
  }

  /** The marker for the first text of an item; '' for any other text. */
  take(): string {
    const { marker } = this;
    this.marker = '';
    return marker;
  }
}
