import { closeSync, openSync, readSync } from 'node:fs';
import type { DocumentRepair } from '@millrace/contracts';

/** The ways to read a broken file. */
export interface Repairs {
  /** The most promising first. */
  possible: PossibleRepair[];
  /** True when compressed object streams may contain pages. Only rewritePdf can read those. */
  isRewritable: boolean;
}

/** A repair: bytes that the engine reads after the file's own bytes. */
export interface PossibleRepair {
  kind: DocumentRepair;
  appendix: Buffer;
}

/** The number and generation of an object. */
type Reference = [number: number, generation: number];

/** The parts of a file's structure that can be found. */
interface Remains {
  /** The last catalog in the file. */
  catalog: Reference | null;
  /** The pages by object number, in the order in which they first appear. */
  pages: Map<number, Reference>;
  /** An unused object number. The next one is unused, too. */
  freeNumber: number;
  isEncrypted: boolean;
  /** True when there are compressed object streams. Their objects are not found. */
  hasObjectStreams: boolean;
}

const pieceBytes = 1024 * 1024;
/** Longer than any landmark. */
const overlapBytes = 256;
/** The engine knows object numbers up to four million. A rebuilt list of pages needs two more. */
const maxNumber = 4 * 1024 * 1024 - 3;
/** Further pages are ignored. No configuration allows as many. */
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

/** Ends the dictionary, stream or object that the file was cut off in. Otherwise the engine would skip what follows. */
const brokenEnd = '\n>>\nendstream\nendobj\n';

/**
 * Finds the repairs of a file whose cross-reference table or trailer is missing or wrong, such as one that was cut off. There are
 * two:
 * - A new trailer that names the catalog. The engine then finds all objects.
 * - A new catalog and a new list of the pages that are left, when the catalog or its list of pages is lost.
 *
 * An encrypted file has no repair: the key information is lost with its trailer.
 */
export function possibleRepairs(path: string): Repairs {
  const { catalog, pages, freeNumber, isEncrypted, hasObjectStreams } = findRemains(path);
  const possible: PossibleRepair[] = [];
  if (isEncrypted) {
    return { possible, isRewritable: false };
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
  return { possible, isRewritable: hasObjectStreams };
}

function appendixOf(objects: string, [number, generation]: Reference, size: number): Buffer {
  const trailer = `trailer\n<< /Root ${number} ${generation} R /Size ${size} >>\nstartxref\n0\n%%EOF\n`;
  return Buffer.from(`${brokenEnd}${objects}${trailer}`, 'latin1');
}

/** Searches the whole file, piece by piece. */
function findRemains(path: string): Remains {
  const remains: Remains = {
    catalog: null,
    pages: new Map(),
    freeNumber: 1,
    isEncrypted: false,
    hasObjectStreams: false,
  };
  let current: Reference | null = null;
  for (const match of landmarksIn(path)) {
    const { number, generation, type, encryption } = match.groups ?? {};
    if (encryption !== undefined) {
      remains.isEncrypted = true;
    } else if (type === undefined) {
      current = [Number(number), Number(generation)];
      if (current[0] > maxNumber) {
        current = null;
      } else {
        remains.freeNumber = Math.max(remains.freeNumber, current[0] + 1);
      }
    } else if (type === 'ObjStm') {
      remains.hasObjectStreams = true;
    } else if (current !== null && type === 'Catalog') {
      remains.catalog = current;
    } else if (current !== null && remains.pages.size < maxPages) {
      remains.pages.set(current[0], current);
    }
  }
  return remains;
}

/** The landmarks of a file, in order. */
function* landmarksIn(path: string): Generator<RegExpMatchArray> {
  const fd = openSync(path, 'r');
  try {
    const piece = Buffer.allocUnsafe(pieceBytes);
    let text = '';
    for (let length = -1; length !== 0; ) {
      length = readSync(fd, piece, 0, pieceBytes, null);
      text += piece.toString('latin1', 0, length);
      // A landmark that begins close to the end may continue in the next piece, so it is left for that piece.
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
