import type { BodyStyle } from './blocks';
import type { ChunkPage } from './types';

/** How running text is set: as most characters so far. */
export class BodyText implements BodyStyle {
  size = 0;
  bold = false;
  private most = 0;
  private all = 0;
  private inBold = 0;
  private readonly characters = new Map<number, number>();

  add(page: ChunkPage): void {
    for (const { text, fontSize, bold } of page.lines) {
      const size = Math.round(fontSize * 2) / 2;
      const count = (this.characters.get(size) ?? 0) + text.length;
      this.characters.set(size, count);
      if (count > this.most || size === this.size) {
        this.most = count;
        this.size = size;
      }
      this.all += text.length;
      this.inBold += bold ? text.length : 0;
    }
    this.bold = this.inBold * 2 > this.all;
  }
}
