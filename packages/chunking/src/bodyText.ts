import type { ChunkPage } from './types';

/** How running text is set: as most characters of the pages so far. */
export class BodyText {
  /** Points. */
  size = 0;
  bold = false;
  characters = 0;
  private most = 0;
  private inBold = 0;
  private readonly bySize = new Map<number, number>();

  add(page: ChunkPage): void {
    for (const { text, fontSize, bold } of page.lines) {
      const size = Math.round(fontSize * 2) / 2;
      const count = (this.bySize.get(size) ?? 0) + text.length;
      this.bySize.set(size, count);
      if (count > this.most || size === this.size) {
        this.most = count;
        this.size = size;
      }
      this.characters += text.length;
      this.inBold += bold ? text.length : 0;
    }
    this.bold = this.inBold * 2 > this.characters;
  }
}
