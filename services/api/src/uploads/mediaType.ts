import { extname } from 'node:path';
import { acceptedTypes, type MediaType, MillraceError, mediaTypes } from '@millrace/contracts';
import { EncodingDetector } from '@millrace/text';

/** The content types and extensions that clients use for the accepted types. */
const names: ReadonlyMap<string, MediaType> = new Map(
  acceptedTypes.flatMap((type) => {
    const { aliases, extensions } = mediaTypes[type];
    return [type, ...aliases, ...extensions].map((name) => [name, type] as const);
  }),
);

/** The name of a file that comes without one. */
export function defaultName(type: MediaType): string {
  return `document${mediaTypes[type].extensions[0]}`;
}

/** Finds the accepted type that a content type or the extension of a filename names. */
export function namedType(contentTypeOrName: string): MediaType | undefined {
  const name = contentTypeOrName.trim().toLowerCase();
  return names.get(name) ?? names.get(extname(name));
}

/**
 * Finds the accepted type that the content type and the filename name together. Plain text says little: a part of a form
 * without a type counts as plain text, and many clients send it for any text. The extension then goes first.
 */
export function namedOrExtension(contentType: string, name: string): MediaType | undefined {
  const byType = namedType(contentType);
  return byType === undefined || byType === 'text/plain' ? (namedType(name) ?? byType) : byType;
}

/** True for a content type that names another kind of file: not an accepted one, not a text, and not just bytes. */
export function isOtherType(contentType: string): boolean {
  const type = contentType.trim().toLowerCase();
  return type !== '' && type !== 'application/octet-stream' && !type.startsWith('text/') && !names.has(type);
}

/** How RTF and PostScript begin. Both are text, but not for readers. */
const otherBeginnings = ['{\\rtf', '%!PS'];

/** Makes the error of a refused file. `what` says what the file is, without a full stop. */
export function unsupported(what: string): MillraceError {
  return new MillraceError('UNSUPPORTED_MEDIA_TYPE', `${what}; accepted are ${acceptedTypes.join(', ')}.`, {
    extra: { accepted: acceptedTypes },
  });
}

interface Signature {
  type: MediaType;
  bytes: string;
  /** The number of bytes from the beginning of the file in which they must be. */
  within: number;
}

const signatures: readonly Signature[] = acceptedTypes.flatMap((type) => {
  const { signature } = mediaTypes[type];
  return signature === null ? [] : [{ type, ...signature }];
});
const headBytes = Math.max(...signatures.map(({ within }) => within));
const binaryNouns = signatures.map(({ type }) => mediaTypes[type].noun).join(', ');
/** A comment ends at its first "-->" only. Otherwise n comments in a row could match in 2ⁿ ways. */
const htmlBeginning = /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->)[\s\S])*-->\s*)*<(?:!doctype\s+html|html)\b/i;

export interface RecognizedType {
  mimeType: MediaType;
  /** The encoding that the client named for a text, if the text is read in it because of that. */
  charset: string | null;
}

/**
 * Recognizes a file as its bytes pass. The content decides whether it has the signature of an accepted type, is a
 * text, or neither. The named type decides which kind of text it is, unless a plain text begins as HTML does. A file that
 * is named a type with a signature must have that signature.
 */
export class MediaTypeDetector {
  private readonly text: EncodingDetector;
  private head: Buffer = Buffer.alloc(0);
  /** The type that the signature tells; 'text' until the last byte for anything else; null until enough bytes have passed. */
  private decided: Signature | 'text' | null = null;
  private mayBeText = true;

  /**
   * @param named is the accepted type that the client names, by content type or filename.
   * @param charset is the encoding that the client names for a text, as `charsetOf` gives it.
   */
  constructor(
    private readonly named: MediaType | undefined,
    private readonly charset: string | null,
  ) {
    this.text = new EncodingDetector(charset);
  }

  /** Takes the next bytes. @throws MillraceError UNSUPPORTED_MEDIA_TYPE as soon as that is certain */
  add(piece: Buffer): void {
    if (this.decided !== null && this.decided !== 'text') {
      return;
    }
    this.mayBeText &&= this.text.add(piece);
    if (this.decided === null) {
      this.head = Buffer.concat([this.head, piece.subarray(0, headBytes - this.head.length)]);
      if (this.head.length === headBytes || this.findSignature() !== undefined) {
        this.decide();
      }
    }
    if (this.decided === 'text' && !this.mayBeText) {
      this.decideNoText();
    }
  }

  /** Gives the type, once all bytes have passed. @throws MillraceError UNSUPPORTED_MEDIA_TYPE */
  end(): RecognizedType {
    if (this.decided === null) {
      this.decide();
    }
    const encoding = this.decided === 'text' && this.mayBeText ? this.text.end() : null;
    if (this.decided === 'text' && encoding === null) {
      this.decideNoText();
    }
    if (this.decided !== null && this.decided !== 'text') {
      return { mimeType: this.decided.type, charset: null };
    }
    // UTF-8 is recognized without a name.
    return { mimeType: this.textType(), charset: encoding === 'utf-8' || encoding !== this.charset ? null : encoding };
  }

  private textType(): MediaType {
    if (this.named !== undefined && this.named !== 'text/plain' && mediaTypes[this.named].isText) {
      return this.named;
    }
    return htmlBeginning.test(this.beginning()) ? 'text/html' : 'text/plain';
  }

  private decide(): void {
    const { named } = this;
    const namedTraits = named === undefined ? undefined : mediaTypes[named];
    const found = this.findSignature();
    // A text can mention a signature.
    if (found !== undefined && (found.at === 0 || namedTraits?.isText !== true)) {
      this.decided = found.signature;
    } else if (namedTraits?.signature) {
      const { noun, signature } = namedTraits;
      throw unsupported(`The file is named ${noun} but does not begin with ${signature.bytes}`);
    } else if (otherBeginnings.some((beginning) => this.beginning().startsWith(beginning))) {
      throw unsupported('The content is RTF or PostScript');
    } else {
      this.decided = 'text';
    }
  }

  /** A file that is not text but has a signature in its head is of that type, whatever it is named. */
  private decideNoText(): void {
    const found = this.findSignature();
    if (found === undefined) {
      throw unsupported(`The content is neither ${binaryNouns} nor text`);
    }
    this.decided = found.signature;
  }

  private findSignature(): { signature: Signature; at: number } | undefined {
    for (const signature of signatures) {
      const at = this.head.subarray(0, signature.within).indexOf(signature.bytes);
      if (at >= 0) {
        return { signature, at };
      }
    }
    return undefined;
  }

  /** The first characters; right only where they are ASCII. */
  private beginning(): string {
    // In UTF-16 every other byte of an ASCII text is NUL.
    return this.head.toString('latin1').replace(/\0|^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)/g, '');
  }
}
