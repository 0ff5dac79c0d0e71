import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Some programs write a little behind the end; readers look for it in so many bytes (PDF 1.7, annex H.3.18). */
const endBytes = 1_024;

/** Whether the PDF at `path` lacks the mark that ends every PDF: then so may anything that stood behind. */
export function isCutOff(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const end = Buffer.alloc(Math.min(size, endBytes));
    readSync(fd, end, 0, end.length, size - end.length);
    return !end.includes('%%EOF');
  } finally {
    closeSync(fd);
  }
}
