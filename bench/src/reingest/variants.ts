import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PDFArray, PDFDocument, PDFName, StandardFonts } from '@cantoo/pdf-lib';

/** The same PDF in other bytes: a comment after its end, which no reader minds. @returns its path in `folder`. */
export async function otherBytes(file: string, folder: string): Promise<string> {
  return write(
    folder,
    `same-text-${basename(file)}`,
    Buffer.concat([await readFile(file), Buffer.from('\n% again\n')]),
  );
}

/** The PDF with one line more on its middle page. @returns its path in `folder`, and that page. */
export async function onePageEdited(file: string, folder: string): Promise<{ path: string; page: number }> {
  const document = await PDFDocument.load(await readFile(file), { password: '' });
  const font = await document.embedFont(StandardFonts.Helvetica);
  const index = Math.floor(document.getPageCount() / 2);
  const { node } = document.getPage(index);
  node.normalize();
  const fontName = node.newFontDictionary('Edit', font.ref);
  const text = 'The figures on this page were restated after the year had ended.';
  const line = document.context.stream(`BT ${fontName} 10 Tf 72 60 Td (${text}) Tj ET`);
  // Before all others: many pages leave the coordinates changed at their end.
  node.lookup(PDFName.of('Contents'), PDFArray).insert(0, document.context.register(line));
  return { path: await write(folder, `edited-${basename(file)}`, await document.save()), page: index + 1 };
}

async function write(folder: string, name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}
