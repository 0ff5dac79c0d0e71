import type { TextLayer } from '@millrace/contracts';
import { SecondEngine } from '../second/secondEngine';
import type { PageText, PdfFile } from '../types';
import { charactersOf, isBetterReading, isInDoubt, isLessGarbled, isOdd } from './compare';

/** Pages with fewer characters may have lost the others. */
const fewCharacters = 20;
/** The characters of longer texts are not counted, because that costs time. */
const fewUnits = 10 * fewCharacters;
/** Names of the predefined encodings of Chinese, Japanese and Korean. The first engine drops some fonts that have them. */
const predefinedEncoding = /\/Encoding ?\/(?!Identity)[A-Za-z0-9-]*[A-Za-z0-9]-[HV]\b/u;

/** The text layer of a page. */
export interface ReadLayer {
  text: PageText;
  /** `replaced` when the text is not the one that the engine reported, `suspect` when it is and cannot be right, else null. */
  layer: TextLayer | null;
  /** True when only the image of the page can tell whether the text is right. */
  isOdd: boolean;
}

/** Reads the text layers of a file's pages. Where one cannot be right, it tries the fonts, the text itself and another engine. */
export class LayerReader {
  private readonly second = new SecondEngine();

  constructor(private readonly file: PdfFile) {}

  /** @throws MillraceError as readPage does. */
  async read(page: number): Promise<ReadLayer> {
    const text = this.file.readPage(page);
    if (isInDoubt(text)) {
      return this.replace(text);
    }
    if (text.text.length < fewUnits && charactersOf(text) < fewCharacters) {
      const found = await this.findLost(text);
      return found === null
        ? { text, layer: null, isOdd: isOdd(text) }
        : { text: found, layer: 'replaced', isOdd: false };
    }
    return { text, layer: null, isOdd: false };
  }

  /** Ends the second engine. */
  close(): Promise<void> {
    return this.second.close();
  }

  private async replace(text: PageText): Promise<ReadLayer> {
    const recovered = this.file.recoverPage(text.page);
    if (recovered !== null && isLessGarbled(recovered, text)) {
      return { text: recovered, layer: recovered.text === text.text ? null : 'replaced', isOdd: false };
    }
    const copy = this.file.copyPage(text.page);
    const other = copy === null ? null : await this.readCopy(text, copy);
    return other !== null && isBetterReading(other, text)
      ? { text: other, layer: 'replaced', isOdd: false }
      : { text, layer: 'suspect', isOdd: false };
  }

  /** The text of a page on which the first engine found hardly any, because it knows its fonts less well. */
  private async findLost(text: PageText): Promise<PageText | null> {
    // The copy of a scan is as large as its image, so it is made only where it may help.
    const copy = this.file.mayHaveLostFonts() ? this.file.copyPage(text.page) : null;
    if (copy === null || !predefinedEncoding.test(Buffer.from(copy).toString('latin1'))) {
      return null;
    }
    const other = await this.readCopy(text, copy);
    return other !== null && charactersOf(other) > 2 * charactersOf(text) && !isInDoubt(other) ? other : null;
  }

  private async readCopy(text: PageText, copy: Uint8Array): Promise<PageText | null> {
    const read = await this.second.read(copy);
    const lines = [...(read ?? []), ...(text.undrawn ?? [])];
    return read === null ? null : { ...text, lines, text: lines.map((line) => line.text).join('\n'), unmapped: 0 };
  }
}
