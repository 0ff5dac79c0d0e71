import { cleanText } from '@millrace/contracts';
import type { OutlineEntry } from '../types';
import type { Pdfium } from './pdfium';

/** Broken files have endless outlines. No reader needs more than this. */
const maxEntries = 10_000;
const maxLevel = 32;

/** Reads the outline in reading order. Each entry is read once, so cycles end. */
export function readOutline(pdfium: Pdfium, document: number, pageCount: number): OutlineEntry[] {
  const { fpdf } = pdfium;
  const entries: OutlineEntry[] = [];
  const seen = new Set<number>();
  const pending = [{ bookmark: fpdf.FPDFBookmark_GetFirstChild(document, 0), level: 1 }];
  for (let next = pending.pop(); next !== undefined && entries.length < maxEntries; next = pending.pop()) {
    const { bookmark, level } = next;
    if (bookmark === 0 || seen.has(bookmark)) {
      continue;
    }
    seen.add(bookmark);
    const title = cleanText(pdfium.readUtf16((buffer, size) => fpdf.FPDFBookmark_GetTitle(bookmark, buffer, size)))
      .replace(/\s+/gu, ' ')
      .trim();
    if (title !== '') {
      entries.push({ title, level, page: pageOf(pdfium, document, bookmark, pageCount) });
    }
    pending.push({ bookmark: fpdf.FPDFBookmark_GetNextSibling(document, bookmark), level });
    if (level < maxLevel) {
      pending.push({ bookmark: fpdf.FPDFBookmark_GetFirstChild(document, bookmark), level: level + 1 });
    }
  }
  return entries;
}

/** The page (from 1) that a bookmark points to, directly or by an action. */
function pageOf(pdfium: Pdfium, document: number, bookmark: number, pageCount: number): number | null {
  const { fpdf } = pdfium;
  let destination = fpdf.FPDFBookmark_GetDest(document, bookmark);
  if (destination === 0) {
    const action = fpdf.FPDFBookmark_GetAction(bookmark);
    destination = action === 0 ? 0 : fpdf.FPDFAction_GetDest(document, action);
  }
  if (destination === 0) {
    return null;
  }
  const index = fpdf.FPDFDest_GetDestPageIndex(document, destination);
  return index >= 0 && index < pageCount ? index + 1 : null;
}
