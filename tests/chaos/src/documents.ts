import { blankPdf, brokenPdf, drawnPdf } from '@millrace/test-support';
import { sharesPages } from './plan';
import type { Random } from './random';

/** A file to upload, and the expected end of its document. */
export interface ChaosDocument {
  name: string;
  pdf: Buffer;
  /** Null for a file that can be read. */
  errorCode: string | null;
  /** Fields of the form, besides those of every upload. */
  fields?: Record<string, string>;
  /** Sent with each try. */
  idempotencyKey?: string;
}

const words = (
  'mill race water wheel stone grain flour river weir sluice gate pond miller sack cart road market town bread oven ' +
  'winter spring flood drought level turn shaft gear tooth bearing grease repair beam roof loft hopper chute sieve bran ' +
  'rye wheat barley oats price silver ledger debt tithe lease heir daughter apprentice journeyman guild bell church ' +
  'bridge ford bank willow alder reed heron trout eel net boat barge lock canal surveyor map boundary quarrel judge ' +
  'witness oath verdict fine appeal letter seal courier inn stable horse saddle harness smith forge anvil iron nail'
).split(' ');

/** Makes one sentence of random words. */
export function sentence(random: Random): string {
  const text = Array.from({ length: random.int(7, 15) }, () => random.pick(words)).join(' ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)} ${random.int(1, 9_999)}.`;
}

/** Makes about as much text as fits on a page: one to two chunks. */
function pageText(random: Random): string {
  return Array.from({ length: random.int(3, 5) }, () =>
    Array.from({ length: random.int(4, 7) }, () => sentence(random)).join(' '),
  ).join('\n\n');
}

/** Makes a PDF with these pages. The same pages make the same bytes. */
export function pdfOf(pages: readonly string[], title: string): Promise<Buffer> {
  return drawnPdf(
    (document) => {
      for (const text of pages) {
        document.addPage().fontSize(11).text(text);
      }
    },
    // A fixed date, so that the same seed makes the same bytes.
    { info: { Title: title, CreationDate: new Date(0) } },
  );
}

/** Usually a few pages, sometimes up to `maxPages`. */
function pageCount(random: Random, maxPages: number): number {
  return random.chance(40) ? random.int(1, Math.min(5, maxPages)) : random.int(Math.min(6, maxPages), maxPages);
}

/**
 * Makes `count` documents. The last two cannot be read. Every third begins with the same pages as the one before it, and
 * one repeats the same page, so that many texts come more than once.
 */
export async function makeDocuments(random: Random, count: number, maxPages: number): Promise<ChaosDocument[]> {
  const readable: string[][] = [];
  for (let i = 0; i < count - 2; i += 1) {
    const before = readable.at(-1) ?? [];
    const shared = sharesPages(i) ? before.slice(0, Math.ceil(before.length / 2)) : [];
    const own = Array.from({ length: pageCount(random, maxPages) }, () => pageText(random));
    readable.push(i === 3 ? Array.from({ length: 5 }, () => own[0] ?? '') : [...shared, ...own]);
  }
  const pdfs = await Promise.all(readable.map((pages, i) => pdfOf(pages, `Document ${i}`)));
  return [
    ...pdfs.map((pdf, i) => ({ name: `document-${i}.pdf`, pdf, errorCode: null })),
    { name: 'broken.pdf', pdf: brokenPdf(), errorCode: 'PDF_CORRUPT' },
    { name: 'blank.pdf', pdf: await blankPdf(3), errorCode: 'DOCUMENT_NO_TEXT' },
  ];
}
