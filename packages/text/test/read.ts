import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTextPages, type TextPage, type TextType } from '../src';

/** The pages and the title of a file with this content. */
export function read(
  content: string | Buffer,
  type: TextType,
  charset: string | null = null,
  maxPages?: number,
): { pages: TextPage[]; title: string | null } {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-text-'));
  try {
    const path = join(folder, 'file');
    writeFileSync(path, content);
    const pages: TextPage[] = [];
    const reading = readTextPages(path, type, { charset, ...(maxPages === undefined ? {} : { maxPages }) });
    let next = reading.next();
    for (; next.done !== true; next = reading.next()) {
      pages.push(next.value);
    }
    return { pages, title: next.value };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The texts of all lines. A heading begins with as many # as its level. */
export function linesOf(content: string | Buffer, type: TextType, charset: string | null = null): string[] {
  return read(content, type, charset).pages.flatMap(({ lines }) =>
    lines.map(({ text, headingLevel }) => (headingLevel === undefined ? text : `${'#'.repeat(headingLevel)} ${text}`)),
  );
}
