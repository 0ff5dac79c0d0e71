import { basename } from 'node:path';
import { openPdf } from '@millrace/pdf';
import { pdftotextPages } from './pdftotext';

export interface PageAgreement {
  file: string;
  page: number;
  /** Twice the common words divided by the words of both. 1 means the same words in any order. */
  f1: number;
}

/** Compares our words with those of pdftotext on every page where either finds some. */
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
 * Returns the words of a text, separated by white space. Ligatures and wide letters count as plain letters. Hyphens are removed,
 * because one at the end of a line may or may not belong to the word. Marks of the direction of writing are removed too.
 */
export function wordsOf(text: string): string[] {
  return text
    .normalize('NFKC')
    .replace(/[-\u00ad\u2010\u2011\u200e\u200f\u202a-\u202e]/gu, '')
    .split(/\s+/u)
    .filter((word) => word !== '');
}

/** Returns the F1 of two bags of words, in any order, or null when both are empty. */
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
