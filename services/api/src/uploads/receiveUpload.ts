import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import type { BlobStore, StagedBlob } from '@millrace/blobs';
import { cleanText, MillraceError } from '@millrace/contracts';
import { charsetOf } from '@millrace/text';
import busboy from 'busboy';
import {
  acceptedTypes,
  calledType,
  defaultNames,
  isOtherType,
  type MediaType,
  MediaTypeDetector,
  namedType,
  type RecognizedType,
  unsupported,
} from './mediaType';
import { PartHeads } from './partHeads';

export interface ReceivedUpload extends RecognizedType {
  staged: StagedBlob;
  filename: string;
  /** SHA-256 of the bytes, 64 hexadecimal digits. */
  contentHash: string;
  sizeBytes: number;
  /** The text fields of the form, without the password; empty for a raw body. */
  fields: Record<string, string>;
  /** What opens the file, from the form or the header: it must not get anywhere else. */
  password: string | undefined;
}

interface FileFacts extends RecognizedType {
  contentHash: string;
  sizeBytes: number;
}

const maxFields = 20;
/** Six times what is kept of metadata: a letter can be written as six (\u0061), and it is to be judged as the JSON that it is. */
const maxFieldBytes = 96 * 1024;
const formOverheadBytes = 2 * maxFieldBytes;

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
  const named = namedType(type ?? '');
  if (named !== undefined || type === 'application/octet-stream') {
    const given = rawFilename(request, rawName);
    const { staged, facts } = await stageFile(request, blobs, {
      maxBytes,
      whenEmpty: 'UPLOAD_NO_FILE',
      named: calledType(type ?? '', given),
      charset: charsetOf(request.headers['content-type'] ?? ''),
    });
    const filename = tidyFilename(given) || defaultNames[facts.mimeType];
    return { staged, ...facts, filename, fields: {}, password: headerPassword(request) };
  }
  if (type) {
    throw unsupported(`Content-Type is ${type}; send multipart/form-data with one file, or the file itself`);
  }
  throw new MillraceError(
    'UPLOAD_NO_FILE',
    `Content-Type is missing; send multipart/form-data with one file, or the file itself as one of ${acceptedTypes.join(', ')}`,
    { extra: { accepted: acceptedTypes } },
  );
}

async function receiveForm(request: IncomingMessage, blobs: BlobStore, maxBytes: number): Promise<ReceivedUpload> {
  let form: busboy.Busboy;
  try {
    form = busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: { files: 1, fields: maxFields, fieldSize: maxFieldBytes },
    });
  } catch (error) {
    throw new MillraceError('UPLOAD_MALFORMED', (error as Error).message, { cause: error });
  }
  const fields: Record<string, string> = {};
  const heads = new PartHeads(request.headers['content-type'] ?? '', maxFields * maxFieldBytes + formOverheadBytes);
  const keepHead = (piece: Buffer) => heads.add(piece);
  request.on('data', keepHead);
  let filename = '';
  let file: Promise<{ staged: StagedBlob; facts: FileFacts }> | undefined;
  const ended = new Promise<void>((resolve, reject) => {
    // A field that is lost, or cut, might be the one that matters most.
    form.on('field', (name, value, info) => {
      if (info.nameTruncated || info.valueTruncated) {
        const message = `The field ${name.slice(0, 40)} is longer than ${maxFieldBytes} bytes`;
        reject(new MillraceError('UPLOAD_MALFORMED', message));
      }
      fields[name] = value;
    });
    form.on('fieldsLimit', () =>
      reject(new MillraceError('UPLOAD_MALFORMED', `The form holds more than ${maxFields} fields`)),
    );
    form.on('file', (_name, stream, info) => {
      request.off('data', keepHead);
      filename = info.filename ?? '';
      const charset = charsetOf(heads.fileContentType());
      const named = calledType(info.mimeType, filename);
      file = isOtherType(info.mimeType)
        ? refuse(stream, unsupported(`The file is sent as ${info.mimeType}`))
        : stageFile(stream, blobs, { maxBytes, whenEmpty: 'UPLOAD_EMPTY', named, charset });
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
    filename: tidyFilename(filename) || defaultNames[facts.mimeType],
    fields: others,
    password: password || headerPassword(request),
  };
}

async function refuse(stream: Readable, error: MillraceError): Promise<never> {
  stream.on('error', () => undefined).resume();
  throw error;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof MillraceError ? error.code : undefined;
}

interface InspectionOptions {
  maxBytes: number;
  whenEmpty: 'UPLOAD_EMPTY' | 'UPLOAD_NO_FILE';
  /** What the client says that it is. */
  named: MediaType | undefined;
  /** The encoding that it says of a text. */
  charset: string | null;
}

async function stageFile(
  source: Readable,
  blobs: BlobStore,
  options: InspectionOptions,
): Promise<{ staged: StagedBlob; facts: FileFacts }> {
  // The source may fail before anybody reads from it; without a listener that would end the process.
  source.on('error', () => undefined);
  const inspector = new Inspector(options);
  const staged = await blobs.stage(inspector.watch(source));
  return { staged, facts: inspector.facts() };
}

/** Looks at a file's bytes as they pass: size, hash, and what kind of file they are. */
class Inspector {
  private readonly hash = createHash('sha256');
  private readonly detector: MediaTypeDetector;
  private sizeBytes = 0;
  private type: RecognizedType | null = null;

  constructor(private readonly options: InspectionOptions) {
    this.detector = new MediaTypeDetector(options.named, options.charset);
  }

  async *watch(source: Readable): AsyncGenerator<Buffer> {
    const { maxBytes, whenEmpty } = this.options;
    try {
      // Not destroyed where this ends early: that would close the connection before the client has its answer.
      const pieces: AsyncIterable<Buffer> = source.iterator({ destroyOnReturn: false });
      for await (const piece of pieces) {
        this.sizeBytes += piece.length;
        if (this.sizeBytes > maxBytes) {
          throw tooLarge(maxBytes);
        }
        this.hash.update(piece);
        this.detector.add(piece);
        yield piece;
      }
    } catch (error) {
      throw error instanceof MillraceError
        ? error
        : new MillraceError('UPLOAD_INTERRUPTED', undefined, { cause: error });
    }
    if (this.sizeBytes === 0) {
      throw new MillraceError(whenEmpty);
    }
    this.type = this.detector.end();
  }

  /** Once the whole file has passed. */
  facts(): FileFacts {
    if (this.type === null) {
      throw new Error('The file has not passed yet.');
    }
    return { contentHash: this.hash.digest('hex'), sizeBytes: this.sizeBytes, ...this.type };
  }
}

function tooLarge(maxBytes: number): MillraceError {
  return new MillraceError('UPLOAD_TOO_LARGE', `The file is larger than the limit of ${maxBytes} bytes`, {
    extra: { limit_bytes: maxBytes },
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
  return given ?? disposition?.[1] ?? '';
}

/** A name to show: no folders, no control characters, at most 255 characters; maybe nothing. */
function tidyFilename(name: string): string {
  return basename(cleanText(name).replaceAll('\\', '/'))
    .replace(/\p{Cc}/gu, '')
    .trim()
    .slice(0, 255)
    .toWellFormed();
}
