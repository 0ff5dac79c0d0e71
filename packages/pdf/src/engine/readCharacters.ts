import { firstRightToLeft, isRightToLeft, isSpace, isVisible } from '../text/codePoints';
import { type Direction, kind, type PageCharacters, type Run } from '../text/pageCharacters';
import { OddPlaces } from './oddPlaces';
import { type PageGeometry, shownMap } from './pageGeometry';
import type { Pdfium } from './pdfium';
import { type ReadRun, RunReader } from './readRun';
import type { RecoveredCodes } from './recoverCodes';

/**
 * Reads the characters inside the page's box into `characters`. `textPage` is the engine's open text page. `recovered`
 * tells what codes stand for that the engine does not know.
 *
 * The loop runs once for each character of every page, so it makes few calls into the engine and allocates nothing: the run is
 * read once for each text object, and the baseline only where the box changes across the direction of the text.
 */
export function readCharacters(
  pdfium: Pdfium,
  textPage: number,
  geometry: PageGeometry,
  characters: PageCharacters,
  recovered: RecoveredCodes | null = null,
): void {
  const { fpdf, scratch } = pdfium;
  const total = Math.max(0, fpdf.FPDFText_CountChars(textPage));
  characters.reserve(total);
  const {
    code: codes,
    kind: kinds,
    run: runIndexes,
    runs,
    left: lefts,
    right: rights,
    top: tops,
    bottom: bottoms,
    baseline: baselines,
  } = characters;
  const map = shownMap(geometry);
  const { a, b, c, d, e, f } = map;
  const { width, height } = geometry;
  const boxAt = scratch / 4;
  const originAt = (scratch + 16) / 8;
  const runReader = new RunReader(pdfium, textPage, map);
  const oddPlaces = new OddPlaces(pdfium, textPage, map);
  // The run of the last character if its boxes are wrong.
  let oddRun: ReadRun | null = null;
  let { f32, f64 } = pdfium.memory;
  let lastObject = 0;
  let runIndex = -1;
  let direction: Direction = 0;
  let isSizeKnown = false;
  let lastTop = Number.NaN;
  let lastBottom = Number.NaN;
  let baseline = 0;
  let count = 0;

  for (let index = 0; index < total; index++) {
    let code = fpdf.FPDFText_GetUnicode(textPage, index);
    const object = fpdf.FPDFText_GetTextObject(textPage, index);
    if (code >= 0xd800 && code <= 0xdbff && index + 1 < total) {
      // A character beyond 16 bits comes as two surrogates, both with the box of the glyph.
      const low = fpdf.FPDFText_GetUnicode(textPage, index + 1);
      if (low >= 0xdc00 && low <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        index++;
      }
    }
    if (recovered !== null && object !== 0) {
      code = recovered.characterOf(object, code);
    }
    if (object === 0 || isSpace(code)) {
      if (oddRun?.placing === 'skewed') {
        // The engine mixes the lines of skewed text, and so the spaces come between the wrong letters.
        continue;
      }
      if (object !== 0 && fpdf.FPDFText_IsGenerated(textPage, index) !== 1) {
        // A drawn line feed is white space.
        kinds[count++] = kind.space;
      } else if (oddRun === null && direction === 0) {
        // In turned text, and where its boxes are wrong, the engine infers spaces within words.
        kinds[count++] = code === 10 || code === 13 ? kind.lineBreak : kind.inferredSpace;
      }
      continue;
    }
    if (!isVisible(code)) {
      continue;
    }
    if (object !== lastObject) {
      lastObject = object;
      const run = runReader.read(object, index);
      isSizeKnown = run.size > 0;
      direction = run.direction;
      runIndex = runs.push(run) - 1;
      oddRun = run.placing === 'box' ? null : run;
      lastTop = Number.NaN;
      ({ f32, f64 } = pdfium.memory);
    }

    // The box on the shown page.
    if (fpdf.FPDFText_GetLooseCharBox(textPage, index, scratch) === 0) {
      continue;
    }
    if (f32.length === 0) {
      ({ f32, f64 } = pdfium.memory);
    }
    const boxLeft = f32[boxAt] as number;
    const boxTop = f32[boxAt + 1] as number;
    const boxRight = f32[boxAt + 2] as number;
    const boxBottom = f32[boxAt + 3] as number;
    const xa = a * boxLeft + c * boxTop + e;
    const xb = a * boxRight + c * boxBottom + e;
    const ya = b * boxLeft + d * boxTop + f;
    const yb = b * boxRight + d * boxBottom + f;
    const middleX = (xa + xb) / 2;
    const middleY = (ya + yb) / 2;
    // In this form, a place that is NaN is outside of the page, too.
    if (!(middleX >= 0 && middleX <= width && middleY >= 0 && middleY <= height)) {
      continue;
    }
    if (code >= firstRightToLeft && isRightToLeft(code)) {
      characters.hasRightToLeft = true;
    }
    if (oddRun !== null) {
      const place = oddPlaces.find(index, oddRun);
      if (place !== null) {
        codes[count] = code;
        kinds[count] = isLineEndHyphen(code) ? kind.lineEndHyphen : kind.glyph;
        runIndexes[count] = runIndex;
        lefts[count] = place.left;
        rights[count] = place.right;
        tops[count] = place.top;
        bottoms[count] = place.bottom;
        baselines[count] = place.baseline;
        count++;
      }
      continue;
    }
    const x0 = Math.min(xa, xb);
    const x1 = Math.max(xa, xb);
    const y0 = Math.min(ya, yb);
    const y1 = Math.max(ya, yb);

    // The box in the frame of the text. Against an axis of the page, coordinates change their sign.
    const isHorizontal = direction === 0 || direction === 2;
    const isReversed = direction >= 2;
    const isAcrossReversed = direction === 1 || direction === 2;
    const start = isHorizontal ? x0 : y0;
    const end = isHorizontal ? x1 : y1;
    const low = isHorizontal ? y0 : x0;
    const high = isHorizontal ? y1 : x1;
    const top = isAcrossReversed ? -high : low;
    const bottom = isAcrossReversed ? -low : high;

    if (top !== lastTop || bottom !== lastBottom) {
      if (fpdf.FPDFText_GetCharOrigin(textPage, index, scratch + 16, scratch + 24) === 0) {
        continue;
      }
      const x = f64[originAt] as number;
      const y = f64[originAt + 1] as number;
      const across = isHorizontal ? b * x + d * y + f : a * x + c * y + e;
      baseline = isAcrossReversed ? -across : across;
      lastTop = top;
      lastBottom = bottom;
      if (!isSizeKnown) {
        // When the engine does not know the size, the height of the box is the size.
        runIndex = runs.push({ ...(runs[runIndex] as Run), size: Math.fround(Math.max(1, y1 - y0)) }) - 1;
      }
    }
    codes[count] = code;
    kinds[count] = isLineEndHyphen(code) ? kind.lineEndHyphen : kind.glyph;
    runIndexes[count] = runIndex;
    lefts[count] = isReversed ? -end : start;
    rights[count] = isReversed ? -start : end;
    tops[count] = top;
    bottoms[count] = bottom;
    baselines[count] = baseline;
    count++;
  }
  characters.count = count;
}

/** True for the codes by which PDFium marks a hyphen that splits a word. */
function isLineEndHyphen(code: number): boolean {
  return code === 0x02 || code === 0xfffe;
}
