import { acceptedTypes, type MediaType, mediaTypes } from '@millrace/contracts';

const pdf = mediaTypes['application/pdf'].signature;

/**
 * The type of a file within a PDF, by its name or else by the media type that the PDF gives. `unknown` when neither says
 * anything, `other` for a type that is not read.
 */
export function typeOfName(name: string, mediaType: string | null): MediaType | 'unknown' | 'other' {
  const [ending] = /\.[^. ]{1,10}$/.exec(name.toLowerCase()) ?? [];
  const byEnding = acceptedTypes.find((type) =>
    (mediaTypes[type].extensions as readonly string[]).includes(ending ?? ''),
  );
  const byType = acceptedTypes.find(
    (type) => type === mediaType || (mediaTypes[type].aliases as readonly string[]).includes(mediaType ?? ''),
  );
  if (byEnding !== undefined || byType !== undefined) {
    return byEnding ?? byType ?? 'unknown';
  }
  const saysNothing = mediaType === null || mediaType === 'application/octet-stream';
  return ending === undefined && saysNothing ? 'unknown' : 'other';
}

/** True when the bytes begin like a PDF. */
export function isPdf(bytes: Buffer): boolean {
  return bytes.subarray(0, pdf.within).includes(pdf.bytes);
}
