import { cleanText, MillraceError } from '@millrace/contracts';
import type { PdfAttachment } from '../types';
import type { FilePlace } from './openDocument';
import type { Pdfium } from './pdfium';

/** Hostile files list attachments without end. */
const maxFiles = 1_000;
const maxNameLength = 200;
const maxNameBytes = 4_096;

/** A file within an open document: a handle of the engine. It is valid while its document is open. */
type AttachmentHandle = number;

/** Runs `work` on the open document, perhaps after opening it again. `isFresh` asks for one whose pages are as in the file. */
export type WithDocument = <T>(options: { isFresh: boolean }, work: (document: number) => T) => T;

/** The files in the document's own list, and those of the annotations at `places`. */
export function attachmentsOf(
  pdfium: Pdfium,
  withDocument: WithDocument,
  places: readonly FilePlace[],
): PdfAttachment[] {
  const { fpdf } = pdfium;
  const listed = withDocument({ isFresh: false }, (document) =>
    Math.min(maxFiles, fpdf.FPDFDoc_GetAttachmentCount(document)),
  );
  const attachments: PdfAttachment[] = [];
  const add = (run: <T>(work: (handle: AttachmentHandle) => T) => T) => {
    attachments.push({
      ...run((handle) => describeAttachment(pdfium, handle)),
      read: (maxBytes) => run((handle) => readAttachment(pdfium, handle, maxBytes)),
    });
  };
  for (let index = 0; index < listed; index++) {
    add((work) => withDocument({ isFresh: false }, (document) => work(fpdf.FPDFDoc_GetAttachment(document, index))));
  }
  for (const place of places.slice(0, maxFiles)) {
    add((work) => withDocument({ isFresh: true }, (document) => withFile(pdfium, document, place, work)));
  }
  return attachments;
}

function withFile<T>(
  { fpdf }: Pdfium,
  document: number,
  { page, index }: FilePlace,
  work: (handle: AttachmentHandle) => T,
): T {
  const handle = fpdf.FPDF_LoadPage(document, page - 1);
  const annotation = handle === 0 ? 0 : fpdf.FPDFPage_GetAnnot(handle, index);
  try {
    return work(annotation === 0 ? 0 : fpdf.FPDFAnnot_GetFileAttachment(annotation));
  } finally {
    if (annotation !== 0) {
      fpdf.FPDFPage_CloseAnnot(annotation);
    }
    if (handle !== 0) {
      fpdf.FPDF_ClosePage(handle);
    }
  }
}

/** Reads the name and the media type that the document gives to an attachment. */
function describeAttachment(pdfium: Pdfium, handle: AttachmentHandle): Pick<PdfAttachment, 'name' | 'mediaType'> {
  const { fpdf } = pdfium;
  const name = pdfium.readUtf16((buffer, size) => fpdf.FPDFAttachment_GetName(handle, buffer, size), maxNameBytes);
  const type = pdfium.readUtf16((buffer, size) => fpdf.FPDFAttachment_GetSubtype(handle, buffer, size), maxNameBytes);
  return { name: plainName(name), mediaType: type.trim().toLowerCase() || null };
}

/**
 * Reads an attachment.
 * @throws MillraceError ATTACHMENT_UNREADABLE when its data are missing or broken, ATTACHMENT_LIMIT beyond `maxBytes`.
 */
function readAttachment(pdfium: Pdfium, handle: AttachmentHandle, maxBytes: number): Buffer {
  const { fpdf, scratch } = pdfium;
  const isThere = fpdf.FPDFAttachment_GetFile(handle, 0, 0, scratch) !== 0;
  const size = (pdfium.memory.i32[scratch / 4] as number) >>> 0;
  if (!isThere) {
    throw new MillraceError('ATTACHMENT_UNREADABLE');
  }
  if (size > maxBytes) {
    throw new MillraceError('ATTACHMENT_LIMIT', `An attachment has ${size} bytes. The limit is ${maxBytes} bytes.`);
  }
  const buffer = fpdf.malloc(Math.max(1, size));
  try {
    if (fpdf.FPDFAttachment_GetFile(handle, buffer, size, scratch) === 0) {
      throw new MillraceError('ATTACHMENT_UNREADABLE');
    }
    return Buffer.from(pdfium.memory.u8.subarray(buffer >>> 0, (buffer >>> 0) + size));
  } finally {
    fpdf.free(buffer);
  }
}

/** The name without folders, line breaks and characters that cannot be seen. It is shown and never used as a path. */
function plainName(name: string): string {
  const visible = cleanText(name.replace(/\p{Cf}/gu, ''))
    .replace(/\s+/gu, ' ')
    .trim();
  const own = visible.slice(Math.max(visible.lastIndexOf('/'), visible.lastIndexOf('\\')) + 1).trim();
  return own.slice(-maxNameLength).toWellFormed() || 'attachment';
}
