import { createHash } from 'node:crypto';
import type { DocumentPart } from '@millrace/chunking';
import { type ErrorCode, type MediaType, MillraceError } from '@millrace/contracts';
import type { PdfAttachment, PdfFile } from '@millrace/pdf';
import { readTextPages } from '@millrace/text';
import type { ParsedPage, ParseRun } from '../parseProtocol';
import { openAttachedPdf } from './attachedPdf';
import { isPdf, typeOfName } from './attachmentType';
import { blankIsLost } from './cutOffPages';
import { labelOf, OffsetReader } from './offsetReader';
import type { BeginPage, ReadPage } from './reader';
import { TemporaryFile } from './temporaryFile';
import { outcomeOf } from './textReader';

/** The bounds of the files within a document. Nothing of an ordinary document comes near them. */
const limits = { files: 200, fileBytes: 64 * 2 ** 20, totalBytes: 256 * 2 ** 20, depth: 3 };
/** What an operator is told of the files that are no part of the document. */
const maxIgnored = 100;

/** A file within the document while it is read. */
interface Attached {
  /** Its name, after the names of the files that it is in. */
  name: string;
  /** The number that its first page gets. */
  page: number;
  depth: number;
  isInPortfolio: boolean;
}

/**
 * Reads the files within a PDF as parts of the document: their pages follow the PDF's own. A file that cannot be read has
 * one page, which has failed and names it. A file of another type is ignored, unless the PDF is only a cover of its files.
 * It reads a file only after it has announced the file's first page. So a file that ends the process is lost alone.
 */
export class AttachedFiles {
  /** The names of the files that are no part of the document. */
  readonly ignored: string[] = [];
  private readonly seen = new Set<string>();
  private files = 0;
  private bytes = 0;

  /** @param pages The pages of the document itself. @param ocrPages Counts the recognized pages up to a page. */
  constructor(
    private readonly run: ParseRun,
    private readonly beginPage: BeginPage,
    private pages: number,
    private readonly ocrPages: (upTo: number) => number,
  ) {}

  /** Reads what is in a PDF besides its pages. Call it after the pages have been read. */
  async *readOf(file: PdfFile, parent = '', depth = 1): AsyncGenerator<ReadPage> {
    if (file.isUnreadForm()) {
      yield this.unread(parent || 'XFA form', 'PDF_XFA_FORM');
    }
    for (const attachment of file.attachments()) {
      const name = parent === '' ? attachment.name : `${parent} > ${attachment.name}`;
      const attached = { name, page: this.pages + 1, depth, isInPortfolio: file.info.isPortfolio };
      if (this.files >= limits.files) {
        yield this.unread(`${name} and the files behind it`, 'ATTACHMENT_LIMIT');
        return;
      }
      this.files++;
      if (this.isMoved(attached.page)) {
        return;
      }
      yield* this.readAttachment(attachment, attached);
    }
  }

  private async *readAttachment(attachment: PdfAttachment, attached: Attached): AsyncGenerator<ReadPage> {
    const { name, page, depth, isInPortfolio } = attached;
    const type = typeOfName(attachment.name, attachment.mediaType);
    if (type === 'other') {
      if (isInPortfolio) {
        yield this.unread(name, 'ATTACHMENT_UNSUPPORTED');
      } else {
        this.ignore(name);
      }
      return;
    }
    if (this.isUnread(page)) {
      yield this.unread(name, 'ATTACHMENT_UNREADABLE');
      return;
    }
    if (depth > limits.depth || page > this.run.maxPages || this.bytes >= limits.totalBytes) {
      yield this.unread(name, 'ATTACHMENT_LIMIT');
      return;
    }
    await this.beginPage({ page, pages: null, ocr: false });
    try {
      yield* this.readBytes(attachment.read(limits.fileBytes), type, attached);
    } catch (error) {
      yield this.unread(name, codeOf(error));
    }
  }

  private async *readBytes(bytes: Buffer, type: MediaType | 'unknown', attached: Attached): AsyncGenerator<ReadPage> {
    this.bytes += bytes.length;
    const hash = createHash('sha256').update(bytes).digest('base64');
    if (this.seen.has(hash)) {
      return;
    }
    this.seen.add(hash);
    if (isPdf(bytes) || type === 'application/pdf') {
      yield* this.readPdf(bytes, attached);
    } else if (type === 'unknown') {
      if (attached.isInPortfolio) {
        throw new MillraceError('ATTACHMENT_UNSUPPORTED');
      }
      this.ignore(attached.name);
    } else {
      yield* this.readText(bytes, type, attached);
    }
  }

  private async *readPdf(bytes: Buffer, { name, page: first, depth }: Attached): AsyncGenerator<ReadPage> {
    const offset = first - 1;
    const { run } = this;
    const opened = await openAttachedPdf(bytes, { maxPages: run.maxPages - offset, rewrite: run.rewrite });
    const { file } = opened;
    const { outline, pageCount } = file.info;
    const part: DocumentPart = {
      name,
      outline: outline.map((entry) => ({ ...entry, page: entry.page === null ? null : entry.page + offset })),
    };
    const ocr = { ...run.ocr, maxPages: run.ocr.maxPages - this.ocrPages(offset) };
    const reader = new OffsetReader(file, { run: { ...run, ocr }, beginPage: this.beginPage, offset, name });
    try {
      for (let page = 1; page <= pageCount; page++) {
        const read = await reader.read(page);
        this.pages++;
        yield { ...(opened.isCutOff ? blankIsLost(read) : read), part };
      }
      yield* this.readOf(file, name, depth + 1);
    } finally {
      await reader.close();
      opened.close();
    }
  }

  private async *readText(bytes: Buffer, type: Exclude<MediaType, 'application/pdf'>, attached: Attached) {
    const { name, page: first } = attached;
    const part: DocumentPart = { name };
    const file = new TemporaryFile(bytes);
    try {
      for (const text of readTextPages(file.path, type, { maxPages: this.run.maxPages - first + 1 })) {
        const page = first - 1 + text.page;
        await this.beginPage({ page, pages: null, ocr: false });
        this.pages++;
        const outcome: ParsedPage = { ...outcomeOf(text), page, label: labelOf(name, text.page) };
        yield { outcome, text: { ...text, page }, recognized: null, part } satisfies ReadPage;
      }
    } finally {
      file.remove();
    }
  }

  /** The page of a file that is not read. */
  private unread(name: string, code: ErrorCode): ReadPage {
    this.pages++;
    const outcome: ParsedPage = {
      page: this.pages,
      label: name,
      width: 0,
      height: 0,
      outcome: 'failed',
      characters: 0,
      errorCode: code,
      textLayer: null,
    };
    return { outcome, text: null, recognized: null, part: { name } };
  }

  /** True when this page ended the process that opened the file, or stands for a file that an earlier reading gave up. */
  private isUnread(page: number): boolean {
    return this.isGivenUp(page) || this.run.lostPages.some((lost) => lost.page === page);
  }

  /**
   * True when failed pages are read again, and a file that was read the first time ends the process now. Then the numbers of
   * the pages behind it are not known.
   */
  private isMoved(page: number): boolean {
    return this.run.pages !== null && this.isUnread(page) && !this.isGivenUp(page);
  }

  private isGivenUp(page: number): boolean {
    return this.run.unreadFiles?.includes(page) ?? false;
  }

  private ignore(name: string): void {
    if (this.ignored.length < maxIgnored && !this.ignored.includes(name)) {
      this.ignored.push(name);
    }
  }
}

/** Why a file is not read. Faults of the engine and of this machine are no fault of the file. */
function codeOf(error: unknown): ErrorCode {
  if (!(error instanceof MillraceError)) {
    throw error;
  }
  switch (error.code) {
    case 'PDF_ENCRYPTED':
    case 'PDF_ENCRYPTION_UNSUPPORTED':
      return 'ATTACHMENT_ENCRYPTED';
    case 'DOCUMENT_TOO_MANY_PAGES':
    case 'DOCUMENT_TOO_LARGE':
      return 'ATTACHMENT_LIMIT';
    case 'PDF_CORRUPT':
    case 'PDF_REPAIR_TIMEOUT':
    case 'TEXT_UNREADABLE':
      return 'ATTACHMENT_UNREADABLE';
    case 'ATTACHMENT_UNREADABLE':
    case 'ATTACHMENT_UNSUPPORTED':
    case 'ATTACHMENT_LIMIT':
      return error.code;
    default:
      throw error;
  }
}
