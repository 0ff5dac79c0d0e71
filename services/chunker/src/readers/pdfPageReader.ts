import { type ErrorCode, MillraceError } from '@millrace/contracts';
import { inkOf, type PageText, type PdfFile, Recognizer } from '@millrace/pdf';
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
/** The recognizer keeps its own time limit. The process is killed only when that fails. */
const ocrGraceMs = 10_000;

/**
 * Reads the pages of one PDF, in ascending order. Every page gets an outcome: its text layer (`text`), what OCR read in its
 * image (`ocr`), nothing to read (`empty`), or `failed` with a code; a failed page gives no text. Only a broken engine ends
 * the document.
 */
export class PdfPageReader {
  private readonly recognizer: Recognizer;
  private ocrPages = 0;

  constructor(
    private readonly file: PdfFile,
    private readonly run: ParseRun,
    private readonly beginPage: BeginPage,
  ) {
    this.recognizer = new Recognizer(run.ocr.pageTimeoutMs, run.ocr.languages);
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
      const text = this.file.readPage(page);
      return !textLayerOnly && this.wantsOcr(text) ? await this.readImage(text) : done(text, 'text');
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'PAGE_FAILED') {
        throw error;
      }
      return failed({ page, label: this.file.pageLabel(page), ...this.file.pageSize(page) }, error.code);
    }
  }

  /** Ends the recognizer. */
  close(): Promise<void> {
    return this.recognizer.close();
  }

  private wantsOcr(text: PageText): boolean {
    const { ocr } = this.run.reading;
    const characters = charactersOf(text);
    if (ocr === 'off' || this.file.renderPage === undefined || characters >= littleText) {
      return false;
    }
    // A page with some text is worth the time only when it is a scan. A chart with a title has little more text.
    if (ocr === 'auto' && characters >= noText && !this.isScan(text)) {
      return false;
    }
    const explained = characters * inkOfCharacter;
    return inkOf(this.file.renderPage(text.page, inkImage)) >= minInk[ocr] + explained;
  }

  private async readImage(text: PageText): Promise<ReadPage> {
    const { page } = text;
    const known = this.run.recognized.find((one) => one.page === page);
    if (this.ocrPages >= this.run.ocr.maxPages || (known === undefined && this.isLate())) {
      return this.unrecognized(text, 'OCR_LIMIT');
    }
    this.ocrPages++;
    const { result } = known ?? (await this.recognize(page));
    const recognized = known === undefined ? { page, result } : null;
    if ('code' in result) {
      return { ...this.unrecognized(text, result.code), recognized };
    }
    const image = { ...text, lines: result.lines, text: result.lines.map((line) => line.text).join('\n') };
    // OCR of a picture without words finds less than the page number below it. A title's own text is right already.
    const own = charactersOf(text);
    const isMore = charactersOf(image) > own * (own < noText ? 1 : 2);
    const read = isMore ? done(image, 'ocr') : done(text, 'text');
    return { ...read, recognized };
  }

  /** A page whose image could not be read. It has failed, unless it is no scan and has text of its own. */
  private unrecognized(text: PageText, code: ErrorCode): ReadPage {
    return charactersOf(text) < noText || this.isScan(text) ? failed(text, code) : done(text, 'text');
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

function charactersOf({ text }: Pick<PageText, 'text'>): number {
  return text.replace(/\s+/gu, '').length;
}

function done(text: PageText, source: 'text' | 'ocr'): ReadPage {
  const { page, label, width, height } = text;
  const characters = charactersOf(text);
  const outcome = characters === 0 ? 'empty' : source;
  return { outcome: { page, label, width, height, outcome, characters, errorCode: null }, text, recognized: null };
}

function failed(
  { page, label, width, height }: Pick<PageText, 'page' | 'label' | 'width' | 'height'>,
  code: ErrorCode,
): ReadPage {
  const outcome = { page, label, width, height, outcome: 'failed', characters: 0, errorCode: code } as const;
  return { outcome, text: null, recognized: null };
}
