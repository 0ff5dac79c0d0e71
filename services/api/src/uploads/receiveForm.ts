import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { BlobStore } from '@millrace/blobs';
import { MillraceError } from '@millrace/contracts';
import { charsetOf } from '@millrace/text';
import busboy from 'busboy';
import { isOtherType, namedOrExtension, unsupported } from './mediaType';
import { PartHeads } from './partHeads';
import { type StagedFile, stageFile } from './stageFile';

const maxFields = 20;
/**
 * Six times the limit of metadata, because JSON can write one letter as six (\u0061), and the metadata is measured
 * after it is parsed.
 */
const maxFieldBytes = 96 * 1024;
/** The most bytes that a form may add to its file. */
export const formOverheadBytes = 2 * maxFieldBytes;

export interface ReceivedForm extends StagedFile {
  /** As the client wrote it; may be empty. */
  filename: string;
  fields: Record<string, string>;
}

/**
 * Receives a form with one file, which goes to the staging area of the blob store. After an error nothing is left there.
 * @throws MillraceError UPLOAD_NO_FILE, UPLOAD_MALFORMED, UPLOAD_INTERRUPTED, and the errors of `stageFile`
 */
export async function receiveForm(request: IncomingMessage, blobs: BlobStore, maxBytes: number): Promise<ReceivedForm> {
  const form = openForm(request);
  const heads = new PartHeads(request.headers['content-type'] ?? '', maxFields * maxFieldBytes + formOverheadBytes);
  const keepHead = (piece: Buffer) => heads.add(piece);
  request.on('data', keepHead);
  const fields: Record<string, string> = {};
  let filename = '';
  let file: Promise<StagedFile> | undefined;
  const ended = new Promise<void>((resolve, reject) => {
    const refuse = (message: string, cause?: unknown) => reject(malformed(message, cause));
    // A field that is cut off or left out can be the most important one, so the whole form is refused.
    form.on('field', (name, value, info) => {
      if (info.nameTruncated || info.valueTruncated) {
        refuse(`The field ${name.slice(0, 40)} is longer than ${maxFieldBytes} bytes.`);
      }
      fields[name] = value;
    });
    form.on('fieldsLimit', () => refuse(`The form holds more than ${maxFields} fields.`));
    form.on('filesLimit', () => refuse('The form holds more than one file.'));
    form.on('file', (_name, stream, info) => {
      request.off('data', keepHead);
      filename = info.filename ?? '';
      file = isOtherType(info.mimeType)
        ? refuseFile(stream, info.mimeType)
        : stageFile(stream, blobs, {
            maxBytes,
            whenEmpty: 'UPLOAD_EMPTY',
            named: namedOrExtension(info.mimeType, filename),
            charset: charsetOf(heads.fileContentType()),
          });
      // A refused file ends the form at once, so that the rest of it need not be received.
      file.catch(reject);
    });
    form.on('error', (error: Error) => refuse(error.message, error));
    form.on('close', resolve);
    request.once('close', () => {
      if (!request.complete) {
        const interrupted = new MillraceError('UPLOAD_INTERRUPTED');
        reject(interrupted);
        form.destroy(interrupted);
      }
    });
  });
  request.pipe(form);
  try {
    await ended;
  } catch (error) {
    request.unpipe(form);
    form.destroy();
    throw await discardFile(file, error);
  }
  if (!file) {
    throw new MillraceError('UPLOAD_NO_FILE', 'The form holds no file.');
  }
  return { ...(await file), filename, fields };
}

function openForm({ headers }: IncomingMessage): busboy.Busboy {
  try {
    const limits = { files: 1, fields: maxFields, fieldSize: maxFieldBytes };
    return busboy({ headers, defParamCharset: 'utf8', limits });
  } catch (error) {
    throw malformed((error as Error).message, error);
  }
}

async function refuseFile(stream: Readable, mimeType: string): Promise<never> {
  stream.on('error', () => undefined).resume();
  throw unsupported(`The file is sent as ${mimeType}`);
}

/**
 * Discards the file of a form that has failed.
 * @returns the error to answer with: the file's own, which says more, unless it is only that the form was cut off.
 */
async function discardFile(file: Promise<StagedFile> | undefined, formError: unknown): Promise<unknown> {
  const [outcome] = await Promise.allSettled([file]);
  if (outcome.status === 'fulfilled') {
    await outcome.value?.staged.discard();
    return formError;
  }
  const { reason } = outcome;
  return reason instanceof MillraceError && reason.code === 'UPLOAD_INTERRUPTED' ? formError : reason;
}

function malformed(message: string, cause: unknown): MillraceError {
  return new MillraceError('UPLOAD_MALFORMED', message, { cause });
}
