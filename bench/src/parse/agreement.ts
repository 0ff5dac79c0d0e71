import { basename } from 'node:path';
import { openPdf } from '@millrace/pdf';
import { pdftotextPages } from './pdftotext';

export interface PageAgreement {
  file: string;
  page: number;
  /** Twice the words in common by the words of both; 1 is the same words, in whatever order. */
  f1: number;
}

/** How far our words and those of pdftotext agree on every page where either of them finds any. */
export async function agreement(files: readonly string[]): Promise<PageAgreement[]> {
  const found: PageAgreement[] = [];
  for (const path of files) {
    const theirs = await pdftotextPages(path);
    const file = await openPdf(path);
    try {
      for (let page = 1; page <= file.info.pageCount; page++) {
        const f1 = wordBagF1(wordsOf(file.readPage(page).text), wordsOf(theirs[page - 1] ?? ''));
        if (f1 !== null) {
          found.push({ file: basename(path), page, f1 });
        }
      }
    } finally {
      file.close();
    }
  }
  return found;
}

/**
 * The words of a text: what white space separates. Compatible forms (ligatures, wide letters) count as the letters they
 * stand for. Hyphens do not count (whether one at the end of a line belongs to the word is a matter of judgement), nor do marks
 * of the direction of writing.
 */
export function wordsOf(text: string): string[] {
  return text
    .normalize('NFKC')
    .replace(/[-\u00ad\u2010\u2011\u200e\u200f\u202a-\u202e]/gu, '')
    .split(/\s+/u)
    .filter((word) => word !== '');
}

/** The order-insensitive F1 of two bags of words; null when both are empty. */
export function wordBagF1(ours: readonly string[], theirs: readonly string[]): number | null {
  if (ours.length + theirs.length === 0) {
    return null;
  }
  const left = new Map<string, number>();
  for (const word of theirs) {
    left.set(word, (left.get(word) ?? 0) + 1);
  }
  let common = 0;
  for (const word of ours) {
    const count = left.get(word) ?? 0;
    if (count > 0) {
      common++;
      left.set(word, count - 1);
    }
  }
  return (2 * common) / (ours.length + theirs.length);
}
