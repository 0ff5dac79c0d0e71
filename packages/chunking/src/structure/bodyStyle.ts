import type { ChunkPage } from '../types';

/** The style of body text: that of most characters of the pages so far. */
export class BodyStyle {
  /** Points. */
  size = 0;
  bold = false;
  characters = 0;
  private charactersOfSize = 0;
  private boldCharacters = 0;
  private readonly charactersBySize = new Map<number, number>();

  add(page: ChunkPage): void {
    for (const { text, fontSize, bold } of page.lines) {
      const size = Math.round(fontSize * 2) / 2;
      const count = (this.charactersBySize.get(size) ?? 0) + text.length;
      this.charactersBySize.set(size, count);
      if (count > this.charactersOfSize || size === this.size) {
        this.charactersOfSize = count;
        this.size = size;
      }
      this.characters += text.length;
      this.boldCharacters += bold ? text.length : 0;
    }
    this.bold = this.boldCharacters * 2 > this.characters;
  }
}
