declare module 'fontkit' {
  export interface Font {
    unitsPerEm: number;
    numGlyphs: number;
    /** The characters that the font's table shows with a glyph, as strings. */
    stringsForGlyph(glyph: number): string[];
    getGlyph(glyph: number): { advanceWidth: number };
  }
  /** @throws Error when the bytes are no font. A collection of fonts has no numGlyphs. */
  export function create(bytes: Uint8Array): Font;
}
