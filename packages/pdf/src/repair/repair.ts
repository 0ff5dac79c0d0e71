import { closeSync, openSync, readSync } from 'node:fs';
import type { DocumentRepair } from '@millrace/contracts';

/** What may be tried with a broken file. */
export interface Repairs {
  /** The likeliest first. */
  possible: PossibleRepair[];
  /** Whether pages may stand where they cannot be seen here, in compressed object streams; see rewritePdf. */
  rewritable: boolean;
}

/** A way to have the engine read a broken file: what it shall find after the file's own bytes. */
export interface PossibleRepair {
  kind: DocumentRepair;
  appendix: Buffer;
}

/** Number and generation of an object. */
type Reference = [number: number, generation: number];

/** What is left of a file's structure. */
interface Remains {
  /** The last catalog. */
  catalog: Reference | null;
  /** The pages by number, in the order in which they first appear. */
  pages: Map<number, Reference>;
  /** An unused object number; the next one is free as well. */
  freeNumber: number;
  encrypted: boolean;
  /** There are compressed object streams, of which nothing is seen. */
  compressed: boolean;
}

const pieceBytes = 1024 * 1024;
/** Longer than anything that is looked for. */
const overlapBytes = 256;
/** The engine knows no higher object numbers (four million); two more are needed. */
const maxNumber = 4 * 1024 * 1024 - 3;
/** Pages beyond this are not collected: no configuration takes as many. */
const maxPages = 1_000_000;

const space = '[\\0\\t\\n\\f\\r ]';
const landmark = new RegExp(
  [
    `(?<!\\d)(?<number>\\d{1,10})${space}{1,8}(?<generation>\\d{1,5})${space}{1,8}obj(?![A-Za-z])`,
    `/Type${space}{0,8}/(?<type>Catalog|Page|ObjStm)(?![A-Za-z])`,
    `(?<encryption>/Encrypt|/Filter${space}{0,8}/Standard)(?![A-Za-z])`,
  ].join('|'),
  'g',
);

/** Ends whatever the file was cut off in: a dictionary, a stream, an object. Without it the engine reads over what follows. */
const brokenEnd = '\n>>\nendstream\nendobj\n';

/**
 * What may make a file readable whose cross-reference table or trailer is missing or wrong, such as one that was cut off
 * on its way. With a trailer that names the catalog, the engine finds all objects by itself. Where the catalog or its list
 * of pages is lost, a new list of the pages that are left does. Nothing is proposed for an encrypted file: without its own
 * trailer, what its text is encrypted with is lost.
 */
export function possibleRepairs(path: string): Repairs {
  const { catalog, pages, freeNumber, encrypted, compressed } = findRemains(path);
  const possible: PossibleRepair[] = [];
  if (encrypted) {
    return { possible, rewritable: false };
  }
  if (catalog !== null) {
    possible.push({ kind: 'TRAILER_REBUILT', appendix: appendixOf('', catalog, freeNumber) });
  }
  if (pages.size > 0) {
    const list = freeNumber + 1;
    const kids = [...pages.values()].map(([number, generation]) => `${number} ${generation} R`).join('\n');
    const objects =
      `${freeNumber} 0 obj\n<< /Type /Catalog /Pages ${list} 0 R >>\nendobj\n` +
      `${list} 0 obj\n<< /Type /Pages /Count ${pages.size} /Kids [\n${kids}\n] >>\nendobj\n`;
    possible.push({ kind: 'PAGES_REBUILT', appendix: appendixOf(objects, [freeNumber, 0], list + 1) });
  }
  return { possible, rewritable: compressed };
}

function appendixOf(objects: string, [number, generation]: Reference, size: number): Buffer {
  const trailer = `trailer\n<< /Root ${number} ${generation} R /Size ${size} >>\nstartxref\n0\n%%EOF\n`;
  return Buffer.from(`${brokenEnd}${objects}${trailer}`, 'latin1');
}

/** Looks through the whole file, piece by piece. Objects in compressed object streams are not seen. */
function findRemains(path: string): Remains {
  const remains: Remains = { catalog: null, pages: new Map(), freeNumber: 1, encrypted: false, compressed: false };
  let current: Reference | null = null;
  for (const match of landmarksIn(path)) {
    const { number, generation, type, encryption } = match.groups ?? {};
    if (encryption !== undefined) {
      remains.encrypted = true;
    } else if (type === undefined) {
      current = [Number(number), Number(generation)];
      if (current[0] > maxNumber) {
        current = null;
      } else {
        remains.freeNumber = Math.max(remains.freeNumber, current[0] + 1);
      }
    } else if (type === 'ObjStm') {
      remains.compressed = true;
    } else if (current !== null && type === 'Catalog') {
      remains.catalog = current;
    } else if (current !== null && remains.pages.size < maxPages) {
      remains.pages.set(current[0], current);
    }
  }
  return remains;
}

function* landmarksIn(path: string): Generator<RegExpMatchArray> {
  const fd = openSync(path, 'r');
  try {
    const piece = Buffer.allocUnsafe(pieceBytes);
    let text = '';
    for (let length = -1; length !== 0; ) {
      length = readSync(fd, piece, 0, pieceBytes, null);
      text += piece.toString('latin1', 0, length);
      // What begins close to the end may go on in the next piece and is left for it.
      const end = length === 0 ? text.length : text.length - overlapBytes;
      let done = Math.max(0, end);
      for (const match of text.matchAll(landmark)) {
        if (match.index >= end) {
          break;
        }
        yield match;
        done = Math.max(done, match.index + match[0].length);
      }
      text = text.slice(done);
    }
  } finally {
    closeSync(fd);
  }
}
