import { type ErrorCode, MillraceError, type TextLayer } from '@millrace/contracts';
import {
  charactersOf,
  doAgree,
  inkOf,
  isReadable,
  LayerReader,
  type PageText,
  type PdfFile,
  type ReadLayer,
  Recognizer,
} from '@millrace/pdf';
import { outcomeOfLost, type ParseRun, type RecognizedPage } from '../parseProtocol';
import type { BeginPage, ReadPage } from './reader';

/** Pages with fewer characters have hardly any text: a page number, or nothing. */
const noText = 20;
/** Pages with fewer have little: a title, or a scan with a stamp ("Case 1:20-cv-01234 Filed 01/02/20 Page 3 of 20"). */
const littleText = 300;
/** The part of a page that must be drawn on. `auto` wants more than a logo or a rule; `on` wants more than specks. */
const minInk = { auto: 0.01, on: 0.0005 };
/** An image that covers at least this part of a page counts as a scan of it. */
const scan = 0.6;
/** The ink that a character of the text layer explains: twice the ink of a character of 11 points on a letter page. */
const inkOfCharacter = 0.0001;
/** Enough to tell ink from paper. */
const inkImage = { dpi: 72, maxPixels: 1_000_000 };
/** Tesseract is trained for 300 dpi. At 200 its result agrees as well with the text, and takes less time. */
const ocrImage = { dpi: 200, maxPixels: 16_000_000 };
/** A layer that cannot be right gives way to OCR that is this certain (of 100). Text in another script than OCR knows has less. */
const minConfidence = 70;
/** The recognizer keeps its own time limit. The process is killed only when that fails. */
const ocrGraceMs = 10_000;

/**
 * Reads the pages of one PDF, in ascending order. Every page gets an outcome: its text layer (`text`), what OCR read in its
 * image (`ocr`), nothing to read (`empty`), or `failed` with a code; a failed page gives no text. A text layer that cannot
 * be right is replaced by OCR where that reads more. Only a broken engine ends the document.
 */
export class PdfPageReader {
  private readonly recognizer: Recognizer;
  private readonly layers: LayerReader;
  private ocrPages = 0;

  constructor(
    private readonly file: PdfFile,
    private readonly run: ParseRun,
    private readonly beginPage: BeginPage,
  ) {
    this.recognizer = new Recognizer(run.ocr.pageTimeoutMs, run.ocr.languages);
    this.layers = new LayerReader(file);
  }

  /** @param textLayerOnly true for a page that is not worth OCR. */
  async read(page: number, { textLayerOnly = false } = {}): Promise<ReadPage> {
    const lost = this.run.lostPages.find((known) => known.page === page);
    if (lost !== undefined) {
      // The engine reads nothing of a lost page, not even its label or size, because that may hang as well.
      return { outcome: outcomeOfLost(lost), text: null, recognized: null };
    }
    await this.beginPage({ page, pages: this.file.info.pageCount, ocr: false });
    try {
      const read = await this.layers.read(page);
      return !textLayerOnly && this.wantsOcr(read) ? await this.readImage(read) : done(read.text, 'text', read.layer);
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'PAGE_FAILED') {
        throw error;
      }
      return failed({ page, label: this.file.pageLabel(page), ...this.file.pageSize(page) }, error.code);
    }
  }

  /** Ends the engines. */
  async close(): Promise<void> {
    await Promise.all([this.recognizer.close(), this.layers.close()]);
  }

  private wantsOcr({ text, layer, isOdd }: ReadLayer): boolean {
    const { ocr } = this.run.reading;
    const characters = charactersOf(text);
    if (ocr === 'off' || this.file.renderPage === undefined) {
      return false;
    }
    if (layer === 'suspect' || isOdd) {
      return inkOf(this.file.renderPage(text.page, inkImage)) >= minInk.on;
    }
    if (characters >= littleText) {
      return false;
    }
    // A page with some text is worth the time only when it is a scan. A chart with a title has little more text.
    if (ocr === 'auto' && characters >= noText && !this.isScan(text)) {
      return false;
    }
    const explained = characters * inkOfCharacter;
    return inkOf(this.file.renderPage(text.page, inkImage)) >= minInk[ocr] + explained;
  }

  private async readImage(read: ReadLayer): Promise<ReadPage> {
    const { text } = read;
    const { page } = text;
    const known = this.run.recognized.find((one) => one.page === page);
    if (this.ocrPages >= this.run.ocr.maxPages || (known === undefined && this.isLate())) {
      return this.unrecognized(read, 'OCR_LIMIT');
    }
    this.ocrPages++;
    const { result } = known ?? (await this.recognize(page));
    const recognized = known === undefined ? { page, result } : null;
    if ('code' in result) {
      return { ...this.unrecognized(read, result.code), recognized };
    }
    const lines = [...result.lines, ...(text.undrawn ?? [])];
    const image = { ...text, lines, text: lines.map((line) => line.text).join('\n') };
    return { ...choose(read, image, result.confidence), recognized };
  }

  /** A page whose image could not be read. It has failed, unless it is no scan and has text of its own that may be right. */
  private unrecognized({ text, layer, isOdd }: ReadLayer, code: ErrorCode): ReadPage {
    if (isOdd) {
      return done(text, 'text', layer);
    }
    return layer === 'suspect' || charactersOf(text) < noText || this.isScan(text)
      ? failed(text, code)
      : done(text, 'text', layer);
  }

  private isScan({ page }: PageText): boolean {
    return this.file.largestImage(page) >= scan;
  }

  /** True when the rest of the document's time is kept for its other pages. */
  private isLate(): boolean {
    return Date.now() - this.run.startedAt > this.run.ocr.totalMs;
  }

  private async recognize(page: number): Promise<RecognizedPage> {
    const image = this.file.renderPage?.(page, ocrImage);
    if (image === undefined) {
      throw new Error('This engine cannot draw pages.');
    }
    const { pageCount: pages } = this.file.info;
    await this.beginPage({ page, pages, ocr: true }, this.run.ocr.pageTimeoutMs + ocrGraceMs);
    try {
      return { page, result: await this.recognizer.recognize(image) };
    } catch (error) {
      if (error instanceof MillraceError && (error.code === 'OCR_FAILED' || error.code === 'OCR_TIMEOUT')) {
        return { page, result: { code: error.code } };
      }
      throw error;
    }
  }
}

/** The page's own text, or the text that OCR found in its image. */
function choose({ text, layer, isOdd }: ReadLayer, image: PageText, confidence: number): ReadPage {
  if (layer === 'suspect' || isOdd) {
    if (doAgree(text, image)) {
      // Strange as it is, this is what the page shows.
      return done(text, 'text', null);
    }
    return confidence >= minConfidence && isReadable(image, text)
      ? done(image, 'ocr', 'replaced')
      : done(text, 'text', layer);
  }
  // OCR of a picture without words finds less than the page number below it. A title's own text is right already.
  const own = charactersOf(text);
  const isMore = charactersOf(image) > own * (own < noText ? 1 : 2);
  return isMore ? done(image, 'ocr', layer) : done(text, 'text', layer);
}

function done(text: PageText, source: 'text' | 'ocr', layer: TextLayer | null): ReadPage {
  const { page, label, width, height } = text;
  const characters = charactersOf(text);
  const outcome = characters === 0 ? 'empty' : source;
  return {
    outcome: { page, label, width, height, outcome, characters, errorCode: null, textLayer: layer },
    text,
    recognized: null,
  };
}

function failed(
  { page, label, width, height }: Pick<PageText, 'page' | 'label' | 'width' | 'height'>,
  code: ErrorCode,
): ReadPage {
  return { outcome: { ...outcomeOfLost({ page, code }), label, width, height }, text: null, recognized: null };
}
