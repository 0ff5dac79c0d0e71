import { bytesOf, decodeFile } from './encodedFile';

/** A longer page is no page that anybody printed, in characters. It would also have to be held in memory. */
const maxPageLength = 1_000_000;

/** True when form feeds divide a file into pages. It is read once more only where it contains the byte of a form feed. */
export function hasPages(path: string, encoding: string): boolean {
  return hasFormFeedByte(path) && longestPage(path, encoding) <= maxPageLength;
}

function hasFormFeedByte(path: string): boolean {
  for (const piece of bytesOf(path)) {
    if (piece.includes(0x0c)) {
      return true;
    }
  }
  return false;
}

/** The characters of the longest page, or Infinity without a form feed. */
function longestPage(path: string, encoding: string): number {
  let longest = 0;
  let length = 0;
  let pages = 0;
  for (const text of decodeFile(path, encoding)) {
    for (const [index, part] of text.split('\f').entries()) {
      if (index > 0) {
        pages++;
        length = 0;
      }
      length += part.length;
      longest = Math.max(longest, length);
    }
  }
  return pages === 0 ? Number.POSITIVE_INFINITY : longest;
}
