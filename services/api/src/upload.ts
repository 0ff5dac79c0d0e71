import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import type { BlobStore, StagedBlob } from '@millrace/blobs';
import { cleanText, MillraceError } from '@millrace/contracts';
import busboy from 'busboy';

export interface ReceivedUpload {
  staged: StagedBlob;
  filename: string;
  mimeType: string;
  /** SHA-256 of the bytes, 64 hexadecimal digits. */
  contentHash: string;
  sizeBytes: number;
  /** The text fields of the form, without the password; empty for a raw body. */
  fields: Record<string, string>;
  /** What opens the file, from the form or the header: it must not get anywhere else. */
  password: string | undefined;
}

interface FileFacts {
  contentHash: string;
  sizeBytes: number;
}

/** A PDF's header may stand after some junk, within the first 1,024 bytes (ISO 32000-2, annex on older files). */
const headBytes = 1024;
const formOverheadBytes = 64 * 1024;

/**
 * Receives one file, as the file field of multipart/form-data or as the raw body, into the blob store's staging area
 * while it is hashed, measured and recognized; the whole file is never in memory. Whatever is thrown, nothing is left.
 * @param rawName the name of a raw body, where the query gives one.
 * @throws MillraceError UPLOAD_NO_FILE, UPLOAD_EMPTY, UPLOAD_MALFORMED, UPLOAD_INTERRUPTED, UPLOAD_TOO_LARGE,
 *   UNSUPPORTED_MEDIA_TYPE or STORAGE_UNAVAILABLE.
 */
export async function receiveUpload(
  request: IncomingMessage,
  blobs: BlobStore,
  maxBytes: number,
  rawName: string | undefined,
): Promise<ReceivedUpload> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > maxBytes + formOverheadBytes) {
    throw tooLarge(maxBytes);
  }
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type === 'multipart/form-data') {
    return receiveForm(request, blobs, maxBytes);
  }
  if (type === 'application/pdf' || type === 'application/octet-stream') {
    const { staged, facts } = await stageFile(request, blobs, maxBytes, 'UPLOAD_NO_FILE');
    const filename = rawFilename(request, rawName);
    return { staged, ...facts, filename, mimeType: 'application/pdf', fields: {}, password: headerPassword(request) };
  }
  throw new MillraceError(
    type ? 'UNSUPPORTED_MEDIA_TYPE' : 'UPLOAD_NO_FILE',
    `Content-Type is ${type || 'missing'}; send multipart/form-data with one file, or the file itself as application/pdf`,
  );
}

async function receiveForm(request: IncomingMessage, blobs: BlobStore, maxBytes: number): Promise<ReceivedUpload> {
  let form: busboy.Busboy;
  try {
    form = busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: { files: 1, fields: 20, fieldSize: 16 * 1024 },
    });
  } catch (error) {
    throw new MillraceError('UPLOAD_MALFORMED', (error as Error).message, { cause: error });
  }
  const fields: Record<string, string> = {};
  let filename = '';
  let file: Promise<{ staged: StagedBlob; facts: FileFacts }> | undefined;
  const ended = new Promise<void>((resolve, reject) => {
    form.on('field', (name, value) => {
      fields[name] = value;
    });
    form.on('file', (_name, stream, info) => {
      filename = info.filename ?? '';
      file = stageFile(stream, blobs, maxBytes, 'UPLOAD_EMPTY');
      // A refused file ends the form at once: there is no use in receiving the rest of it.
      file.catch(reject);
    });
    form.on('filesLimit', () => reject(new MillraceError('UPLOAD_MALFORMED', 'The form holds more than one file')));
    form.on('error', (error: Error) => reject(new MillraceError('UPLOAD_MALFORMED', error.message, { cause: error })));
    form.on('close', resolve);
    request.once('close', () => {
      if (!request.complete) {
        reject(interrupted());
        form.destroy(interrupted());
      }
    });
  });
  request.pipe(form);
  try {
    await ended;
  } catch (error) {
    request.unpipe(form);
    form.destroy();
    const [outcome] = await Promise.allSettled([file]);
    if (outcome.status === 'fulfilled') {
      await outcome.value?.staged.discard();
      throw error;
    }
    // The file's own error says more than the form's, unless it is only that the form broke off.
    throw codeOf(outcome.reason) === 'UPLOAD_INTERRUPTED' ? error : outcome.reason;
  }
  if (!file) {
    throw new MillraceError('UPLOAD_NO_FILE', 'The form holds no file');
  }
  const { staged, facts } = await file;
  const { password, ...others } = fields;
  return {
    staged,
    ...facts,
    filename: tidyFilename(filename),
    mimeType: 'application/pdf',
    fields: others,
    password: password || headerPassword(request),
  };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof MillraceError ? error.code : undefined;
}

async function stageFile(
  source: Readable,
  blobs: BlobStore,
  maxBytes: number,
  whenEmpty: 'UPLOAD_EMPTY' | 'UPLOAD_NO_FILE',
): Promise<{ staged: StagedBlob; facts: FileFacts }> {
  // The source may fail before anybody reads from it; without a listener that would end the process.
  source.on('error', () => undefined);
  const inspector = new Inspector(maxBytes, whenEmpty);
  const staged = await blobs.stage(inspector.watch(source));
  return { staged, facts: inspector.facts() };
}

/** Looks at a file's bytes as they pass: size, hash, and whether they are a PDF's. */
class Inspector {
  private readonly hash = createHash('sha256');
  private sizeBytes = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly whenEmpty: 'UPLOAD_EMPTY' | 'UPLOAD_NO_FILE',
  ) {}

  async *watch(source: Readable): AsyncGenerator<Buffer> {
    let head: Buffer = Buffer.alloc(0);
    let recognized = false;
    try {
      // Not destroyed where this ends early: that would close the connection before the client has its answer.
      const pieces: AsyncIterable<Buffer> = source.iterator({ destroyOnReturn: false });
      for await (const piece of pieces) {
        this.sizeBytes += piece.length;
        if (this.sizeBytes > this.maxBytes) {
          throw tooLarge(this.maxBytes);
        }
        this.hash.update(piece);
        if (!recognized) {
          head = Buffer.concat([head, piece]).subarray(0, headBytes);
          recognized = head.includes('%PDF-');
          if (!recognized && head.length === headBytes) {
            throw notPdf();
          }
        }
        yield piece;
      }
    } catch (error) {
      throw error instanceof MillraceError
        ? error
        : new MillraceError('UPLOAD_INTERRUPTED', undefined, { cause: error });
    }
    if (this.sizeBytes === 0) {
      throw new MillraceError(this.whenEmpty);
    }
    if (!recognized) {
      throw notPdf();
    }
  }

  facts(): FileFacts {
    return { contentHash: this.hash.digest('hex'), sizeBytes: this.sizeBytes };
  }
}

function tooLarge(maxBytes: number): MillraceError {
  return new MillraceError('UPLOAD_TOO_LARGE', `The file is larger than the limit of ${maxBytes} bytes`, {
    extra: { limit_bytes: maxBytes },
  });
}

function notPdf(): MillraceError {
  return new MillraceError('UNSUPPORTED_MEDIA_TYPE', 'The content is not a PDF: it does not begin with %PDF-', {
    extra: { accepted: ['application/pdf'] },
  });
}

function interrupted(): MillraceError {
  return new MillraceError('UPLOAD_INTERRUPTED');
}

/** The password in the header. Headers arrive as Latin-1, whatever they were written in. */
function headerPassword(request: IncomingMessage): string | undefined {
  const header = request.headers['x-document-password'];
  if (typeof header !== 'string' || header === '') {
    return undefined;
  }
  const bytes = Buffer.from(header, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : header;
}

/** The file name of a raw body: the one the query gives, else Content-Disposition's. */
function rawFilename(request: IncomingMessage, given: string | undefined): string {
  const disposition = /filename="?([^";]+)"?/i.exec(request.headers['content-disposition'] ?? '');
  return tidyFilename(given ?? disposition?.[1] ?? '');
}

/** A name to show: no folders, no control characters, at most 255 characters. */
function tidyFilename(name: string): string {
  const tidy = basename(cleanText(name).replaceAll('\\', '/'))
    .replace(/\p{Cc}/gu, '')
    .trim()
    .slice(0, 255)
    .toWellFormed();
  return tidy || 'document.pdf';
}
