import { buildLines } from '../../text/buildLines';
import { PageCharacters } from '../../text/pageCharacters';
import { placeText } from '../../text/placeText';
import type { TextLine } from '../../types';
import { type PageGeometry, shownMap } from '../pageGeometry';
import type { ShownText } from './shownAnnotations';

/** The lines of what a viewer shows besides the page's own content. */
export function undrawnLines(texts: readonly ShownText[], geometry: PageGeometry): TextLine[] {
  const characters = new PageCharacters();
  placeTexts(characters, texts, geometry);
  return buildLines(characters, geometry);
}

/** Adds what a viewer shows besides the page's own content to the characters of the page. */
export function placeTexts(characters: PageCharacters, texts: readonly ShownText[], geometry: PageGeometry): void {
  const { a, b, c, d, e, f } = shownMap(geometry);
  for (const { left, bottom, right, top, ...text } of texts) {
    const [x0, x1] = [a * left + c * bottom + e, a * right + c * top + e];
    const [y0, y1] = [b * left + d * bottom + f, b * right + d * top + f];
    placeText(characters, {
      ...text,
      left: Math.max(0, Math.min(x0, x1)),
      right: Math.min(geometry.width, Math.max(x0, x1)),
      top: Math.max(0, Math.min(y0, y1)),
      bottom: Math.min(geometry.height, Math.max(y0, y1)),
    });
  }
}
