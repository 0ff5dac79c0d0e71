import { charsetOf, readTextPages, type TextPage, textTypeOf, textTypes } from '@millrace/text';
import type { ParsedPage } from '../parseProtocol';
import type { BeginPage, OpenDocument, Reader, ReadPage } from './reader';

/** Reads plain text, Markdown and HTML. No page of a text fails alone, because each begins where the one before ends. */
export const textReader: Reader = {
  mediaTypes: textTypes,
  canSkipPages: false,
  async open({ path, mimeType, maxPages }, beginPage) {
    const type = textTypeOf(mimeType);
    if (type === null) {
      throw new Error(`${mimeType} is no kind of text.`);
    }
    return new TextDocument(readTextPages(path, type, { charset: charsetOf(mimeType), maxPages }), beginPage);
  },
};

class TextDocument implements OpenDocument {
  private title: string | null = null;

  constructor(
    private readonly source: Generator<TextPage, string | null>,
    private readonly beginPage: BeginPage,
  ) {}

  /**
   * A page is announced when it has been read. So the time limit of a page covers the chunking of it and the reading of
   * the next, and the time limit of opening covers the reading of the first.
   */
  async *pages(): AsyncGenerator<ReadPage> {
    let next = this.source.next();
    for (; next.done !== true; next = this.source.next()) {
      await this.beginPage({ page: next.value.page, pages: null, ocr: false });
      yield { outcome: outcomeOf(next.value), text: next.value, recognized: null };
    }
    this.title = next.value;
  }

  summary() {
    return { title: this.title, repair: null, ignoredFiles: [] };
  }

  /** Also closes the file where not all pages were read. */
  async close(): Promise<void> {
    this.source.return(null);
  }
}

/** The outcome of a page of a text. */
export function outcomeOf({ page, lines }: TextPage): ParsedPage {
  const characters = lines.reduce((sum, line) => sum + line.text.replace(/\s+/gu, '').length, 0);
  const outcome = characters === 0 ? 'empty' : 'text';
  return { page, label: null, width: 0, height: 0, outcome, characters, errorCode: null, textLayer: null };
}
