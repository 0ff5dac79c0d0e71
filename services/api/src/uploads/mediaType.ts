import { extname } from 'node:path';
import { MillraceError } from '@millrace/contracts';
import { EncodingDetector, type TextType, textTypes } from '@millrace/text';

export type MediaType = 'application/pdf' | TextType;
export const acceptedTypes: readonly MediaType[] = ['application/pdf', ...textTypes];

/** What a file without a name is called. */
export const defaultNames: Record<MediaType, string> = {
  'application/pdf': 'document.pdf',
  'text/plain': 'document.txt',
  'text/markdown': 'document.md',
  'text/html': 'document.html',
};

/** Names that clients give to what is accepted. */
const aliases: ReadonlyMap<string, MediaType> = new Map(
  Object.entries<MediaType>({
    'application/pdf': 'application/pdf',
    'text/plain': 'text/plain',
    'text/markdown': 'text/markdown',
    'text/x-markdown': 'text/markdown',
    'text/html': 'text/html',
    'application/xhtml+xml': 'text/html',
    '.pdf': 'application/pdf',
    '.txt': 'text/plain',
    '.text': 'text/plain',
    '.md': 'text/markdown',
    '.markdown': 'text/markdown',
    '.html': 'text/html',
    '.htm': 'text/html',
    '.xhtml': 'text/html',
  }),
);

/** The accepted type that a content type or a file's name stands for, if any. */
export function namedType(contentTypeOrName: string): MediaType | undefined {
  const name = contentTypeOrName.trim().toLowerCase();
  return aliases.get(name) ?? aliases.get(extname(name));
}

/**
 * The accepted type that a file is called by its content type and its name together. A part of a form that says no type
 * counts as plain text, which many clients also say of any text: a name that says more goes before that.
 */
export function calledType(contentType: string, name: string): MediaType | undefined {
  const byType = namedType(contentType);
  return byType === undefined || byType === 'text/plain' ? (namedType(name) ?? byType) : byType;
}

/**
 * True for a content type that says what the file is, and that it is nothing accepted: neither text nor just bytes.
 */
export function isOtherType(contentType: string): boolean {
  const type = contentType.trim().toLowerCase();
  return type !== '' && type !== 'application/octet-stream' && !type.startsWith('text/') && !aliases.has(type);
}

/** What nobody can read as text, though it is: the beginnings of RTF and of PostScript. */
const otherBeginnings = ['{\\rtf', '%!PS'];

/** @param what says what the file is that is refused. */
export function unsupported(what: string): MillraceError {
  return new MillraceError('UNSUPPORTED_MEDIA_TYPE', `${what}; accepted are ${acceptedTypes.join(', ')}`, {
    extra: { accepted: acceptedTypes },
  });
}

/** A PDF's header may stand after some junk, within the first 1,024 bytes (ISO 32000-2, annex on older files). */
const headBytes = 1024;
const pdfHeader = '%PDF-';
/** A comment ends at its first "-->" and nowhere else: were there a choice, comments in a row would have 2ⁿ readings. */
const htmlBeginning = /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->)[\s\S])*-->\s*)*<(?:!doctype\s+html|html)\b/i;

export interface RecognizedType {
  mimeType: MediaType;
  /** The encoding that the client says of a text, where the text is read in it for that reason. */
  charset: string | null;
}

/**
 * Recognizes a file as its bytes pass. Whether it is a PDF, text, or neither, its content says; which kind of text, its
 * declared type or its name, unless the content is plainly HTML. What is called a PDF must be one.
 */
export class MediaTypeDetector {
  private readonly text: EncodingDetector;
  private head: Buffer = Buffer.alloc(0);
  private decided: 'pdf' | 'text' | null = null;
  private mayBeText = true;

  /**
   * @param named What the client calls it, by content type or name, where that is something accepted.
   * @param charset The encoding that it says of text, as `charsetOf` gives it.
   */
  constructor(
    private readonly named: MediaType | undefined,
    private readonly charset: string | null,
  ) {
    this.text = new EncodingDetector(charset);
  }

  /** @throws MillraceError UNSUPPORTED_MEDIA_TYPE as soon as that is certain. */
  add(piece: Buffer): void {
    if (this.decided === 'pdf') {
      return;
    }
    this.mayBeText &&= this.text.add(piece);
    if (this.decided === null) {
      this.head = Buffer.concat([this.head, piece.subarray(0, headBytes - this.head.length)]);
      if (this.head.length === headBytes || this.head.includes(pdfHeader)) {
        this.decide();
      }
    }
    if (this.decided === 'text' && !this.mayBeText) {
      this.decideNoText();
    }
  }

  /** @throws MillraceError UNSUPPORTED_MEDIA_TYPE */
  end(): RecognizedType {
    if (this.decided === null) {
      this.decide();
    }
    const encoding = this.decided === 'text' && this.mayBeText ? this.text.end() : null;
    if (this.decided === 'text' && encoding === null) {
      this.decideNoText();
    }
    if (this.decided === 'pdf') {
      return { mimeType: 'application/pdf', charset: null };
    }
    // UTF-8 is found without being told.
    return { mimeType: this.textType(), charset: encoding === 'utf-8' || encoding !== this.charset ? null : encoding };
  }

  private textType(): TextType {
    if (this.named === 'text/markdown' || this.named === 'text/html') {
      return this.named;
    }
    return htmlBeginning.test(this.beginning()) ? 'text/html' : 'text/plain';
  }

  private decide(): void {
    const at = this.head.indexOf(pdfHeader);
    const calledText = this.named !== undefined && this.named !== 'application/pdf';
    // A text may speak of the header.
    if (at === 0 || (at > 0 && !calledText)) {
      this.decided = 'pdf';
    } else if (this.named === 'application/pdf') {
      throw unsupported('The file is called a PDF and is none: it does not begin with %PDF-');
    } else if (otherBeginnings.some((beginning) => this.beginning().startsWith(beginning))) {
      throw unsupported('The content is RTF or PostScript');
    } else {
      this.decided = 'text';
    }
  }

  /** What is no text, yet has a PDF's header in its head, is a PDF after some junk, whatever it is called. */
  private decideNoText(): void {
    if (!this.head.includes(pdfHeader)) {
      throw unsupported('The content is neither a PDF nor text');
    }
    this.decided = 'pdf';
  }

  /** Its first characters, as far as they are ASCII. */
  private beginning(): string {
    // Of UTF-16, every other byte is NUL.
    return this.head.toString('latin1').replace(/\0|^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)/g, '');
  }
}
