import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { BlobStore, StagedBlob } from '@millrace/blobs';
import { type MediaType, MillraceError } from '@millrace/contracts';
import { MediaTypeDetector, type RecognizedType } from './mediaType';

/** The facts about a file that are known when all of it is received. */
export interface FileFacts extends RecognizedType {
  /** SHA-256 of the bytes, 64 hexadecimal digits. */
  contentHash: string;
  sizeBytes: number;
}

export interface StagedFile {
  staged: StagedBlob;
  facts: FileFacts;
}

export interface FileOptions {
  maxBytes: number;
  whenEmpty: 'UPLOAD_EMPTY' | 'UPLOAD_NO_FILE';
  /** The type that the client names. */
  named: MediaType | undefined;
  /** The encoding that the client names for a text. */
  charset: string | null;
}

/**
 * Writes a file to the staging area of the blob store, and measures, hashes and recognizes it on the way. The whole
 * file is never in memory. After an error nothing is left in the staging area.
 * @throws MillraceError UPLOAD_TOO_LARGE, UPLOAD_INTERRUPTED, UNSUPPORTED_MEDIA_TYPE, STORAGE_UNAVAILABLE or the code
 *   `whenEmpty`
 */
export async function stageFile(source: Readable, blobs: BlobStore, options: FileOptions): Promise<StagedFile> {
  // The source can fail before it is read. Without a listener its error would end the process.
  source.on('error', () => undefined);
  const inspector = new FileInspector(options);
  const staged = await blobs.stage(inspector.watch(source));
  return { staged, facts: inspector.facts() };
}

/** Measures, hashes and recognizes the bytes of a file as they pass. */
class FileInspector {
  private readonly hash = createHash('sha256');
  private readonly detector: MediaTypeDetector;
  private sizeBytes = 0;
  private type: RecognizedType | null = null;

  constructor(private readonly options: FileOptions) {
    this.detector = new MediaTypeDetector(options.named, options.charset);
  }

  async *watch(source: Readable): AsyncGenerator<Buffer> {
    const { maxBytes, whenEmpty } = this.options;
    try {
      // After an error the source stays open: to destroy it would close the connection before the client has its answer.
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

  /** Gives the facts, once the whole file has passed. */
  facts(): FileFacts {
    if (this.type === null) {
      throw new Error('The file has not passed yet.');
    }
    return { contentHash: this.hash.digest('hex'), sizeBytes: this.sizeBytes, ...this.type };
  }
}

export function tooLarge(maxBytes: number): MillraceError {
  return new MillraceError('UPLOAD_TOO_LARGE', `The file is larger than the limit of ${maxBytes} bytes.`, {
    extra: { limit_bytes: maxBytes },
  });
}
