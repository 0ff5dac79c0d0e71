import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { basename } from 'node:path';
import type { BlobStore, StagedBlob } from '@millrace/blobs';
import { acceptedTypes, cleanText, MillraceError } from '@millrace/contracts';
import { charsetOf } from '@millrace/text';
import { defaultName, namedOrExtension, namedType, unsupported } from './mediaType';
import { formOverheadBytes, receiveForm } from './receiveForm';
import { type FileFacts, type StagedFile, stageFile, tooLarge } from './stageFile';

export interface ReceivedUpload extends FileFacts {
  staged: StagedBlob;
  filename: string;
  /** The text fields of the form, without the password; empty for a raw body. */
  fields: Record<string, string>;
  /** Opens the file. It must not be logged or stored. */
  password: string | undefined;
}

export interface ReceiveOptions {
  maxBytes: number;
  /** The name of a raw body, if the query has one. */
  rawName: string | undefined;
  headerPassword: string | undefined;
}

/**
 * Receives one file, as multipart/form-data or as the raw body, into the staging area of the blob store. After an error
 * nothing is left there.
 * @throws MillraceError UPLOAD_NO_FILE, UPLOAD_EMPTY, UPLOAD_MALFORMED, UPLOAD_INTERRUPTED, UPLOAD_TOO_LARGE,
 *   UNSUPPORTED_MEDIA_TYPE or STORAGE_UNAVAILABLE
 */
export async function receiveUpload(
  request: IncomingMessage,
  blobs: BlobStore,
  { maxBytes, rawName, headerPassword }: ReceiveOptions,
): Promise<ReceivedUpload> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes + formOverheadBytes) {
    throw tooLarge(maxBytes);
  }
  const contentType = request.headers['content-type'] ?? '';
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'multipart/form-data') {
    const { filename, fields, ...file } = await receiveForm(request, blobs, maxBytes);
    const { password, ...others } = fields;
    return received(file, filename, others, password || decodeHeader(headerPassword));
  }
  if (namedType(type) !== undefined || type === 'application/octet-stream') {
    const filename = rawName ?? nameInDisposition(request);
    const file = await stageFile(request, blobs, {
      maxBytes,
      whenEmpty: 'UPLOAD_NO_FILE',
      named: namedOrExtension(type, filename),
      charset: charsetOf(contentType),
    });
    return received(file, filename, {}, decodeHeader(headerPassword));
  }
  if (type) {
    throw unsupported(`Content-Type is ${type}; send multipart/form-data with one file, or the file itself`);
  }
  throw new MillraceError(
    'UPLOAD_NO_FILE',
    `Content-Type is missing; send multipart/form-data with one file, or the file itself as one of ${acceptedTypes.join(', ')}.`,
    { extra: { accepted: acceptedTypes } },
  );
}

function received(
  { staged, facts }: StagedFile,
  filename: string,
  fields: Record<string, string>,
  password: string | undefined,
): ReceivedUpload {
  return { staged, ...facts, filename: tidyFilename(filename) || defaultName(facts.mimeType), fields, password };
}

/** Decodes a password from a header as UTF-8, where it is. Node gives every header as Latin-1. */
function decodeHeader(header: string | undefined): string | undefined {
  if (!header) {
    return undefined;
  }
  const bytes = Buffer.from(header, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : header;
}

function nameInDisposition(request: IncomingMessage): string {
  const [, name = ''] = /filename="?([^";]+)"?/i.exec(request.headers['content-disposition'] ?? '') ?? [];
  return name;
}

/** Marks that change the direction of a text. With them "fdp.exe" is shown as "exe.pdf". */
const directionMarks = '\\u202A-\\u202E\\u2066-\\u2069';
const unwanted = new RegExp(`[\\p{Cc}${directionMarks}]`, 'gu');

/** Removes folders, control characters and marks of direction from a name and cuts it to 255 characters. It may be empty then. */
function tidyFilename(name: string): string {
  return basename(cleanText(name).replaceAll('\\', '/')).replace(unwanted, '').trim().slice(0, 255).toWellFormed();
}
