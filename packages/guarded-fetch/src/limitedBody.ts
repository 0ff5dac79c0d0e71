import type { IncomingMessage } from 'node:http';
import { pipeline, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { MillraceError } from '@millrace/contracts';

const unpackers: Record<string, () => Transform> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * Returns the unpacked body of an answer. It ends with an error at the first byte beyond the limit, so a small body that unpacks
 * to a large one costs no more than the limit.
 * @throws MillraceError URL_TOO_LARGE, or URL_CONTENT_REFUSED for an encoding that is not known or was used twice
 */
export function limitedBody(answer: IncomingMessage, maxBytes: number): AsyncIterable<Buffer> {
  if (Number(answer.headers['content-length'] ?? 0) > maxBytes) {
    throw tooLarge(maxBytes);
  }
  const encoding = answer.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity' || encoding === '') {
    return limited(answer, maxBytes);
  }
  const unpacker = Object.hasOwn(unpackers, encoding) ? unpackers[encoding]?.() : undefined;
  if (!unpacker) {
    throw new MillraceError('URL_CONTENT_REFUSED', `The answer is encoded as ${encoding.slice(0, 100)}.`);
  }
  // An error of either ends both. The reader of the unpacked stream gets it.
  pipeline(answer, unpacker, () => undefined);
  return limited(unpacker, maxBytes);
}

async function* limited(source: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  // Leaving the loop destroys the source.
  for await (const piece of source) {
    bytes += piece.length;
    if (bytes > maxBytes) {
      throw tooLarge(maxBytes);
    }
    yield piece;
  }
}

function tooLarge(maxBytes: number): MillraceError {
  return new MillraceError('URL_TOO_LARGE', `The answer is larger than the limit of ${maxBytes} bytes.`);
}
