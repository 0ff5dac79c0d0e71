import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/**
 * Readers search for the end mark in this many bytes at the end of the file, because some programs write data after the mark
 * (PDF 1.7, annex H.3.18).
 */
const endBytes = 1_024;

/** True when the PDF at `path` lacks the mark %%EOF that ends every PDF. Then its last pages may be missing as well. */
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
